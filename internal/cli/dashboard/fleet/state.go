// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package fleet is what the dashboard shows: a tile for each profile, and the details of a profile and of an Inventory.
//
// It is pure: objects and a time in, values for the page out. What it says of a field, of a consumer or of an Inventory's decision are
// results of explain and lint.
package fleet

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// State is the worst that is known of a profile.
type State string

// The states, from the worst to the best.
const (
	// Unreachable: a consumer has tried to use the profile, and failed.
	Unreachable State = "unreachable"
	// Unhealthy: the cluster manager reports that the control plane is not healthy.
	Unhealthy State = "unhealthy"
	// Expiring: a certificate or a token of the access expires within 30 days, or is not renewed.
	Expiring State = "expiring"
	// Stale: the consumer no longer renews its SpokeCheck.
	Stale State = "stale"
	// Unknown: the cluster manager does not report whether the control plane is healthy.
	Unknown State = "unknown"
	// Fine: nothing of the above.
	Fine State = "fine"
)

// States are all states, from the worst to the best.
var States = []State{Unreachable, Unhealthy, Expiring, Stale, Unknown, Fine}

const (
	// heartbeat is how often a consumer renews a SpokeCheck without heartbeatSeconds.
	heartbeat = 5 * time.Minute
	// soon is how long before its end an expiration is shown.
	soon = 30 * 24 * time.Hour
)

// Objects are what is known of one profile.
type Objects struct {
	Profile *inventoryv1alpha1.ClusterProfile
	// Check is nil if there is none, or if it may not be read.
	Check  *v1alpha1.SpokeCheck
	Grants []*v1alpha1.AccessGrant
}

// verdict is a state, and why.
type verdict struct {
	state  State
	reason string
	why    string
	// since is when it became so; zero if that is not known.
	since time.Time
}

// evaluate returns the worst verdict.
func (o Objects) evaluate(now time.Time) verdict {
	for _, check := range []func(time.Time) *verdict{o.unreachable, o.unhealthy, o.expiring, o.unrenewed, o.stale, o.unknown} {
		if found := check(now); found != nil {
			return *found
		}
	}
	healthy := o.health()
	return verdict{state: Fine, reason: healthy.Reason, why: healthy.Message, since: healthy.LastTransitionTime.Time}
}

// reachable returns the condition of the SpokeCheck, or nil.
func (o Objects) reachable() *metav1.Condition {
	if o.Check == nil {
		return nil
	}
	return meta.FindStatusCondition(o.Check.Status.Conditions, v1alpha1.ConditionReachable)
}

// health returns the condition of the profile, or nil.
func (o Objects) health() *metav1.Condition {
	return meta.FindStatusCondition(o.Profile.Status.Conditions, inventoryv1alpha1.ClusterConditionControlPlaneHealthy)
}

func of(state State, condition *metav1.Condition) *verdict {
	return &verdict{state: state, reason: condition.Reason, why: condition.Message, since: condition.LastTransitionTime.Time}
}

// silent reports whether the SpokeCheck is not renewed.
func (o Objects) silent(now time.Time) bool {
	return o.Check != nil && o.Check.Status.LastProbeTime != nil && o.Check.Status.Silent(now, heartbeat)
}

func (o Objects) unreachable(now time.Time) *verdict {
	if condition := o.reachable(); condition != nil && condition.Status == metav1.ConditionFalse && !o.silent(now) {
		return of(Unreachable, condition)
	}
	return nil
}

func (o Objects) unhealthy(time.Time) *verdict {
	if condition := o.health(); condition != nil && condition.Status == metav1.ConditionFalse {
		return of(Unhealthy, condition)
	}
	return nil
}

// expiration returns the first end of the certificates and tokens that the access depends on; nil if none is known.
func (o Objects) expiration() *v1alpha1.Expiration {
	if o.Check == nil || o.Check.Status.Expires == nil {
		return nil
	}
	if all := o.Check.Status.Expirations; len(all) > 0 {
		return &all[0]
	}
	return &v1alpha1.Expiration{Kind: "Access", Time: *o.Check.Status.Expires}
}

func (o Objects) expiring(now time.Time) *verdict {
	first := o.expiration()
	if first == nil || first.Time.Sub(now) > soon {
		return nil
	}
	at := first.Time.UTC().Format(time.DateOnly)
	if !first.Time.After(now) {
		return &verdict{
			state:  Expiring,
			reason: v1alpha1.ReasonExpired,
			why:    fmt.Sprintf("%s expired on %s", first.Kind, at),
			since:  first.Time.Time,
		}
	}
	return &verdict{state: Expiring, reason: v1alpha1.ReasonExpiresSoon, why: fmt.Sprintf("%s expires on %s", first.Kind, at)}
}

// unrenewed returns that the token of a grant has expired, or is in use and cannot be renewed.
func (o Objects) unrenewed(now time.Time) *verdict {
	for _, grant := range o.Grants {
		if grant.Status.ExpirationTimestamp.IsZero() || !grant.DeletionTimestamp.IsZero() {
			continue
		}
		degraded := meta.FindStatusCondition(grant.Status.Conditions, v1alpha1.ConditionDegraded)
		if degraded != nil && degraded.Status == metav1.ConditionTrue {
			return of(Expiring, degraded)
		}
		if end := grant.Status.ExpirationTimestamp; !end.After(now) {
			why := fmt.Sprintf("The token of the AccessGrant %s has expired.", grant.Name)
			return &verdict{state: Expiring, reason: v1alpha1.ReasonExpired, why: why, since: end.Time}
		}
	}
	return nil
}

func (o Objects) stale(now time.Time) *verdict {
	if !o.silent(now) {
		return nil
	}
	return &verdict{
		state:  Stale,
		reason: "NotRenewed",
		why:    "The consumer no longer renews the SpokeCheck; is it running?",
		since:  o.Check.Status.SilentAt(now, heartbeat),
	}
}

func (o Objects) unknown(time.Time) *verdict {
	switch condition := o.health(); {
	case condition == nil:
		why := "The cluster manager does not report the condition ControlPlaneHealthy."
		return &verdict{state: Unknown, reason: v1alpha1.ReasonNotReported, why: why, since: o.Profile.CreationTimestamp.Time}
	case condition.Status != metav1.ConditionTrue:
		return of(Unknown, condition)
	}
	return nil
}

// until returns the next time after now at which the tile changes although no object does; zero if there is none.
func (o Objects) until(now time.Time) time.Time {
	var next time.Time
	add := func(at time.Time) {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if o.Check != nil && o.Check.Status.LastProbeTime != nil {
		add(o.Check.Status.SilentAt(now, heartbeat))
		// A probe in the future is that of a wrong clock, and counts once its time has passed.
		add(o.Check.Status.LastProbeTime.Time)
	}
	if first := o.expiration(); first != nil {
		add(first.Time.Add(-soon))
		add(first.Time.Time)
	}
	for _, grant := range o.Grants {
		add(grant.Status.ExpirationTimestamp.Time)
	}
	return next
}
