// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/spoke"
)

// trigger makes a spoke due because its profile has changed. moved is set if its access has. The caller must hold mu.
func (s *scheduler) trigger(key types.NamespacedName, tracked *trackedSpoke, moved bool) {
	now := s.clock.Now()
	if moved {
		tracked.forgetAccess()
	}
	if !tracked.triggers.AllowN(now, 1) {
		// The delay may have grown with the failures of the old credentials; new ones are tried within an interval anyway.
		if soon := now.Add(s.pace.interval); tracked.due.After(soon) {
			tracked.due = soon
			s.due.AddAfter(key, s.pace.interval)
		}
		return
	}
	if moved && tracked.health != healthy && now.Sub(tracked.promoted) >= maxBackoffFactor*s.pace.interval {
		// The old access may have been the cause of the failures, so other failing spokes must not delay this one. That holds
		// once in a while only, for a profile whose access changes again and again.
		tracked.health, tracked.promoted = healthy, now
	}
	switch {
	case tracked.cancel != nil && moved:
		tracked.cancel()
	case tracked.cancel != nil:
		tracked.repeat = true
	case tracked.queued != nil && tracked.queued.queue == tracked.health:
		// It will be probed by its new profile.
	default:
		s.dequeue(key, tracked)
		tracked.due = now
		s.due.Add(key)
	}
}

// forgetAccess drops what was learnt of an old access: it says nothing about the new one. The caller must hold the scheduler's lock.
func (t *trackedSpoke) forgetAccess() {
	t.failures, t.pingUntil = 0, time.Time{}
	if t.health == silent {
		t.health = failing
	}
}

// sameAccess reports whether two states of a profile have the same access to the same spoke.
func sameAccess(a, b *inventoryv1alpha1.ClusterProfile) bool {
	return apiequality.Semantic.DeepEqual(a.Status.AccessProviders, b.Status.AccessProviders) &&
		apiequality.Semantic.DeepEqual(a.Status.CredentialProviders, b.Status.CredentialProviders) &&
		spoke.ClusterID(a) == spoke.ClusterID(b)
}

// sameHealth reports whether a cluster manager reports the same version and health in two states of a profile. Messages and
// properties do not count: some managers rewrite them all the time.
func sameHealth(a, b *inventoryv1alpha1.ClusterProfile) bool {
	return a.Status.Version.Kubernetes == b.Status.Version.Kubernetes &&
		apiequality.Semantic.DeepEqual(conditionReasons(a), conditionReasons(b))
}

// conditionReasons returns the status and the reason of each condition of a profile.
func conditionReasons(profile *inventoryv1alpha1.ClusterProfile) map[string][2]string {
	reasons := map[string][2]string{}
	for _, condition := range profile.Status.Conditions {
		reasons[condition.Type] = [2]string{string(condition.Status), condition.Reason}
	}
	return reasons
}
