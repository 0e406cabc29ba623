// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package spoke checks a spoke end to end from its ClusterProfile alone: it resolves the access (package access), gets
// credentials from the plugin (package credential), and probes the API server (package probe). The consumer controller and
// `kubectl inventory check` share it. It writes nothing to the hub.
package spoke

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

// Result is the result of a check of a spoke.
type Result struct {
	probe.Result
	// Provider and Server are the access that was used; empty if there is none.
	Provider, Server string
	// Note is what other readers of the profile may handle differently.
	Note string
}

// Reachable reports whether the check succeeded.
func (r *Result) Reachable() bool { return r.Failure == nil }

// Reason returns the reason for the condition Reachable.
func (r *Result) Reason() string {
	if r.Failure == nil {
		return v1alpha1.ReasonReachable
	}
	return r.Failure.Reason
}

// Message returns the message for the condition Reachable.
func (r *Result) Message() string {
	message := "The spoke is ready and accepts the published access"
	if r.Failure != nil {
		message = r.Failure.Message
	}
	if r.Failure == nil && r.Doubt != nil {
		message += "; note: the UID of kube-system is " + r.ClusterID + ", which is not the profile's " + v1alpha1.PropertyClusterID
	}
	if r.Note != "" {
		message += "; note: " + r.Note
	}
	return message
}

// Checker checks spokes. It is safe for concurrent use, for one check of each spoke at a time.
type Checker struct {
	Providers   *access.Providers
	Credentials *credential.Source
	Prober      *probe.Prober
}

// Check checks the spoke of a profile. The result is not valid if ctx has ended.
func (c *Checker) Check(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) Result {
	connection, err := c.Providers.Connection(profile)
	result := Result{Provider: connection.Provider, Server: connection.Server, Note: connection.Note}
	if err != nil {
		result.Failure = failure.From(err, v1alpha1.ReasonInvalidAccess)
		return result
	}
	var fromCache bool
	result.Result, fromCache = c.check(ctx, profile, connection)
	if fromCache && result.Reason() == v1alpha1.ReasonUnauthorized {
		// The credential was fetched for an earlier probe, and may have been rotated since. Once is enough: a plugin that has
		// just run has nothing newer.
		result.Result, _ = c.check(ctx, profile, connection)
	}
	return result
}

// Ping checks whether the server of a profile answers, without running the plugin and without credentials. The result is not valid if
// ctx has ended.
func (c *Checker) Ping(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) Result {
	connection, err := c.Providers.Connection(profile)
	result := Result{Provider: connection.Provider, Server: connection.Server, Note: connection.Note}
	if err != nil {
		result.Failure = failure.From(err, v1alpha1.ReasonInvalidAccess)
		return result
	}
	result.Result = c.Prober.Ping(ctx, connection.Config)
	return result
}

// Forget drops what is cached for a spoke. It must be called when its profile is gone.
func (c *Checker) Forget(spoke types.NamespacedName) { c.Credentials.Forget(spoke) }

// check gets credentials and probes the spoke, and reports whether the credentials were cached. Refused ones are dropped.
func (c *Checker) check(
	ctx context.Context, profile *inventoryv1alpha1.ClusterProfile, connection access.Connection,
) (result probe.Result, fromCache bool) {
	key := types.NamespacedName{Namespace: profile.Namespace, Name: profile.Name}
	started := time.Now()
	fetched, fromCache, err := c.Credentials.Get(ctx, key, connection.Provider, connection.Config)
	took := time.Since(started)
	if err != nil {
		result.Failure = failure.From(err, v1alpha1.ReasonCredentialsFailed)
	} else {
		result = c.Prober.Probe(ctx, fetched.On(connection.Config), ClusterID(profile))
		result.Expirations = withTokenExpiry(result.Expirations, fetched)
	}
	if !fromCache {
		result.Steps = append([]probe.Step{{Name: stepPlugin, Took: took}}, result.Steps...)
	}
	if result.Failure != nil && result.Failure.Reason == v1alpha1.ReasonUnauthorized {
		c.Credentials.Forget(key)
	}
	return result, fromCache
}

// withTokenExpiry adds the expiry that the plugin reports for a token that does not contain it.
func withTokenExpiry(known []probe.Expiration, fetched *credential.Credential) []probe.Expiration {
	ofToken := func(e probe.Expiration) bool { return e.What == v1alpha1.ExpiringToken }
	if fetched.Token == "" || fetched.Expires.IsZero() || slices.ContainsFunc(known, ofToken) {
		return known
	}
	return append(known, probe.Expiration{What: v1alpha1.ExpiringToken, At: fetched.Expires})
}

// stepPlugin is the step before those of a probe: the run of the plugin, if it was needed.
const stepPlugin = "plugin"

// ClusterID returns the ID of the spoke in its profile; empty if there is none.
func ClusterID(profile *inventoryv1alpha1.ClusterProfile) string {
	for _, property := range profile.Status.Properties {
		if property.Name == v1alpha1.PropertyClusterID {
			return property.Value
		}
	}
	return ""
}
