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

// Observation is what was seen of a spoke on the whole way in.
type Result struct {
	probe.Result
	// Provider and Server say which way was taken; empty where there is none.
	Provider, Server string
	// Note is what other readers of the profile may stumble over.
	Note string
}

// Reachable says whether nothing stood in the way.
func (o *Result) Reachable() bool { return o.Failure == nil }

// Reason is the reason for the condition Reachable.
func (o *Result) Reason() string {
	if o.Failure == nil {
		return v1alpha1.ReasonReachable
	}
	return o.Failure.Reason
}

// Message is the message for the condition Reachable.
func (o *Result) Message() string {
	message := "The spoke is ready and accepts the published access"
	if o.Failure != nil {
		message = o.Failure.Message
	}
	if o.Failure == nil && o.Doubt != nil {
		message += "; note: the UID of kube-system is " + o.ClusterID + ", which is not the profile's " + v1alpha1.PropertyClusterID
	}
	if o.Note != "" {
		message += "; note: " + o.Note
	}
	return message
}

// Observer observes spokes. It is safe for concurrent use, for one observation of each spoke at a time.
type Checker struct {
	Providers   *access.Providers
	Credentials *credential.Source
	Prober      *probe.Prober
}

// Observe tells what stands in the way into the spoke of a profile. The observation is worth nothing where ctx has ended.
func (o *Checker) Check(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) Result {
	way, err := o.Providers.Connection(profile)
	seen := Result{Provider: way.Provider, Server: way.Server, Note: way.Note}
	if err != nil {
		seen.Failure = failure.From(err, v1alpha1.ReasonInvalidAccess)
		return seen
	}
	spoke := types.NamespacedName{Namespace: profile.Namespace, Name: profile.Name}
	remembered := o.check(ctx, spoke, way, ClusterID(profile), &seen)
	if remembered && seen.Reason() == v1alpha1.ReasonUnauthorized {
		// The credential was fetched for an earlier probe, and may have been rotated since. Once is enough: a plugin that
		// has just been asked has nothing newer.
		o.check(ctx, spoke, way, ClusterID(profile), &seen)
	}
	return seen
}

// Look tells whether anything answers at the other end of the way into the spoke of a profile. It runs no plugin and shows no
// credentials. The observation is worth nothing where ctx has ended.
func (o *Checker) Ping(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) Result {
	way, err := o.Providers.Connection(profile)
	seen := Result{Provider: way.Provider, Server: way.Server, Note: way.Note}
	if err != nil {
		seen.Failure = failure.From(err, v1alpha1.ReasonInvalidAccess)
		return seen
	}
	seen.Result = o.Prober.Ping(ctx, way.Config)
	return seen
}

// Forget drops what is kept for a spoke; to be called when its profile is gone.
func (o *Checker) Forget(spoke types.NamespacedName) { o.Credentials.Forget(spoke) }

// enter goes from the plugin to the end, and says whether the credential was one remembered. A refused one is forgotten.
func (o *Checker) check(ctx context.Context, spoke types.NamespacedName, way access.Connection, clusterID string, seen *Result) (remembered bool) {
	started := time.Now()
	answer, remembered, err := o.Credentials.Get(ctx, spoke, way.Provider, way.Config)
	asked := time.Since(started)
	if err != nil {
		seen.Result = probe.Result{Failure: failure.From(err, v1alpha1.ReasonCredentialsFailed)}
	} else {
		seen.Result = o.Prober.Probe(ctx, answer.On(way.Config), clusterID)
		seen.Expirations = withAnswer(seen.Expirations, answer)
	}
	if !remembered {
		seen.Steps = append([]probe.Step{{Name: stepPlugin, Took: asked}}, seen.Steps...)
	}
	if seen.Reason() == v1alpha1.ReasonUnauthorized {
		o.Credentials.Forget(spoke)
	}
	return remembered
}

// withAnswer adds what the plugin says of the end of a token that does not say it itself.
func withAnswer(known []probe.Expiration, answer *credential.Credential) []probe.Expiration {
	ofToken := func(e probe.Expiration) bool { return e.What == v1alpha1.ExpiringToken }
	if answer.Token == "" || answer.Expires.IsZero() || slices.ContainsFunc(known, ofToken) {
		return known
	}
	return append(known, probe.Expiration{What: v1alpha1.ExpiringToken, At: answer.Expires})
}

// stepPlugin is the step before those of a probe: the run of a plugin, where one was needed.
const stepPlugin = "plugin"

// ClusterID is how the profile identifies the spoke, or empty.
func ClusterID(profile *inventoryv1alpha1.ClusterProfile) string {
	for _, property := range profile.Status.Properties {
		if property.Name == v1alpha1.PropertyClusterID {
			return property.Value
		}
	}
	return ""
}
