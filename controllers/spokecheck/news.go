// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/spoke"
)

// wake makes a spoke due because its profile says something new. moved says that another way leads into it now. It must be
// called with the lock held.
func (r *scheduler) wake(key types.NamespacedName, s *trackedSpoke, moved bool) {
	now := r.clock.Now()
	if moved {
		s.failures = 0
	}
	if !s.wakes.AllowN(now, 1) {
		// Its credentials may have been given up on; the new ones are tried within an interval all the same.
		if soon := now.Add(r.pace.interval); s.due.After(soon) {
			s.due = soon
			r.due.AddAfter(key, r.pace.interval)
		}
		return
	}
	if moved && s.standing != working && now.Sub(s.trusted) >= longest*r.pace.interval {
		// What made it fail may have been the old access, and those who fail must not keep it waiting. Who changes the access
		// again and again is no longer believed.
		s.standing, s.trusted = working, now
	}
	switch {
	case s.breakOff != nil && moved:
		s.breakOff()
	case s.breakOff != nil:
		s.again = true
	case s.waits != nil && s.waits.lane == s.standing:
		// It will be probed as it is by then.
	default:
		r.unqueue(key, s)
		s.due = now
		r.due.Add(key)
	}
}

// sameWay says whether two states of a profile lead to its spoke in the same way, and to the same spoke.
func sameWay(a, b *inventoryv1alpha1.ClusterProfile) bool {
	return apiequality.Semantic.DeepEqual(a.Status.AccessProviders, b.Status.AccessProviders) &&
		apiequality.Semantic.DeepEqual(a.Status.CredentialProviders, b.Status.CredentialProviders) &&
		spoke.ClusterID(a) == spoke.ClusterID(b)
}

// sameHealth says whether a cluster manager says the same of a spoke in two states of its profile. Messages and properties do
// not count: some managers rewrite them all the time.
func sameHealth(a, b *inventoryv1alpha1.ClusterProfile) bool {
	return a.Status.Version.Kubernetes == b.Status.Version.Kubernetes && apiequality.Semantic.DeepEqual(verdicts(a), verdicts(b))
}

// verdicts are the status and the reason of each condition of a profile.
func verdicts(profile *inventoryv1alpha1.ClusterProfile) map[string][2]string {
	all := map[string][2]string{}
	for _, condition := range profile.Status.Conditions {
		all[condition.Type] = [2]string{string(condition.Status), condition.Reason}
	}
	return all
}
