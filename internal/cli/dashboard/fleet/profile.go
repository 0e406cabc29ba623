// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
	"github.com/capi-inventory/capi-inventory/internal/printable"
)

// Profile is the details of a profile.
type Profile struct {
	Tile       Tile        `json:"tile"`
	Conditions []Condition `json:"conditions"`
	// Check is nil if there is no SpokeCheck, or if it may not be read.
	Check     *Check         `json:"check,omitempty"`
	Providers []Provider     `json:"providers"`
	Report    explain.Report `json:"report"`
	// Consumers are the findings for all consumers.
	Consumers []lint.Finding `json:"consumers"`
	Commands  []Command      `json:"commands"`
}

// Condition is a condition of one of the objects.
type Condition struct {
	Object  string     `json:"object"`
	Type    string     `json:"type"`
	Status  string     `json:"status"`
	Reason  string     `json:"reason"`
	Message string     `json:"message,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
}

// Check is the last check of a consumer.
type Check struct {
	Probed *time.Time `json:"probed,omitempty"`
	Stale  bool       `json:"stale,omitempty"`
	Server string     `json:"server,omitempty"`
	// Provider is the access provider that was used.
	Provider    string       `json:"provider,omitempty"`
	User        string       `json:"user,omitempty"`
	Version     string       `json:"version,omitempty"`
	Stages      []Stage      `json:"stages,omitempty"`
	Expirations []Expiration `json:"expirations,omitempty"`
}

// Expiration is the end of a certificate or a token.
type Expiration struct {
	Kind string     `json:"kind"`
	Time *time.Time `json:"time,omitempty"`
}

// Provider is an access provider of the profile.
type Provider struct {
	Name   string `json:"name"`
	Server string `json:"server,omitempty"`
	Proxy  string `json:"proxy,omitempty"`
	// TLSServerName is the name in the server's certificate, if it is not that of the server.
	TLSServerName string `json:"tlsServerName,omitempty"`
	// Authority reports whether the profile has a certificate authority for the server.
	Authority bool `json:"authority"`
	// Deprecated means that it is in credentialProviders.
	Deprecated bool `json:"deprecated,omitempty"`
}

// NewProfile returns the details of a profile. facts are those of its explanation.
func NewProfile(o Objects, facts explain.Facts, flags []string) (Profile, error) {
	tile, _ := NewTile(o, facts.Now)
	facts.Only = types.NamespacedName{Namespace: tile.Namespace, Name: tile.Name}
	explained := explain.Foreign
	if facts.Cluster != nil {
		explained = explain.Cluster
	}
	report, err := explained(facts)
	if err != nil {
		return Profile{}, fmt.Errorf("explaining the ClusterProfile %s: %w", tile.Key, err)
	}
	details := Profile{
		Tile:       tile,
		Conditions: conditions("ClusterProfile", o.Profile.Status.Conditions),
		Providers:  append(providers(o.Profile.Status.AccessProviders, false), providers(o.Profile.Status.CredentialProviders, true)...),
		Report:     report,
		Consumers:  lint.Lint([]inventoryv1alpha1.ClusterProfile{*o.Profile}, facts.Profiles, facts.Lint),
		Commands:   profileCommands(o.Profile, flags),
	}
	if o.Check != nil {
		details.Conditions = append(details.Conditions, conditions("SpokeCheck", o.Check.Status.Conditions)...)
		details.Check = o.check(facts.Now)
	}
	for _, grant := range o.Grants {
		details.Conditions = append(details.Conditions, conditions("AccessGrant "+grant.Name, grant.Status.Conditions)...)
	}
	return details, nil
}

func conditions(object string, from []metav1.Condition) []Condition {
	out := make([]Condition, 0, len(from))
	for _, c := range from {
		out = append(out, Condition{
			Object:  object,
			Type:    c.Type,
			Status:  string(c.Status),
			Reason:  c.Reason,
			Message: c.Message,
			Since:   instant(c.LastTransitionTime.Time),
		})
	}
	return out
}

func providers(from []inventoryv1alpha1.AccessProvider, deprecated bool) []Provider {
	out := make([]Provider, 0, len(from))
	for _, p := range from {
		out = append(out, Provider{
			Name:          p.Name,
			Server:        printable.WithoutUserInfo(p.Cluster.Server),
			Proxy:         printable.WithoutUserInfo(p.Cluster.ProxyURL),
			TLSServerName: p.Cluster.TLSServerName,
			Authority:     len(p.Cluster.CertificateAuthorityData) > 0,
			Deprecated:    deprecated,
		})
	}
	return out
}

func (o Objects) check(now time.Time) *Check {
	status := &o.Check.Status
	check := &Check{
		Stale:    o.silent(now),
		Server:   status.Server,
		Provider: status.Provider,
		User:     status.User,
		Version:  status.KubernetesVersion,
	}
	if status.LastProbeTime != nil {
		check.Probed = instant(status.LastProbeTime.Time)
	}
	if condition := o.reachable(); condition != nil {
		check.Stages = stages(status.Stages, condition.Status == metav1.ConditionTrue)
	}
	for _, e := range status.Expirations {
		check.Expirations = append(check.Expirations, Expiration{Kind: string(e.Kind), Time: instant(e.Time.Time)})
	}
	return check
}
