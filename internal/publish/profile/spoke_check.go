// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// steadyTime is how long a SpokeCheck must have said something, and the profile something else, until the profile follows.
const steadyTime = time.Minute

// evidence is what a SpokeCheck says of the control plane.
type evidence int

const (
	// nothing: the probe ended for a reason that is not the control plane's.
	nothing evidence = iota
	// answers: the spoke is ready, and the published access works.
	answers
	// silent: there is no answer, or not that of a ready API server.
	silent
)

// evidenceOf is a table of the reasons of Reachable. A reason that it does not have says nothing.
//
//	Reachable               | evidence | because
//	------------------------|----------|------------------------------------------------------------------------------
//	True                    | answers  | /readyz said so, and the spoke knows the credentials
//	NameNotResolved         | silent   | there is no address to answer at
//	ConnectFailed           | silent   | nothing answers there; a server that accepts connections and hangs does not either
//	NotReady                | silent   | the API server fails, hangs, or says that it is not ready
//	TLSFailed               | nothing  | something answers: certificates expire, and the consumer may not honor tls-server-name
//	Unauthorized, Forbidden | nothing  | it answers, and refuses the consumer
//	WrongCluster            | nothing  | what answers is another cluster
//	NoAccessProvider, InvalidAccess, ReferenceNotPermitted, CredentialsFailed
//	                        | nothing  | nothing was dialled: it is the profile's fault, or the consumer's
func evidenceOf(reachable metav1.Condition) evidence {
	switch {
	case reachable.Status == metav1.ConditionTrue:
		return answers
	case reachable.Status != metav1.ConditionFalse:
		return nothing
	}
	switch reachable.Reason {
	case v1alpha1.ReasonNameNotResolved, v1alpha1.ReasonConnectFailed, v1alpha1.ReasonNotReady:
		return silent
	}
	return nothing
}

// health is what Cluster API says of the control plane or, where the Inventory trusts SpokeChecks, what the profile's SpokeCheck
// makes of that. The profile changes for a SpokeCheck only after both have been steady, so that neither a single probe that failed
// nor a consumer that reports one thing after the other makes it flap. What Cluster API says is followed at once.
func (inv *Inventory) health(f Facts) metav1.Condition {
	said := controlPlaneHealthy(f.Cluster, f.ClusterAPIDown)
	checked, proof := checkedHealth(f.Cluster, said)
	if !inv.TrustsSpokeChecks() || proof == nothing {
		return said
	}
	published := f.Published.condition(said.Type)
	follow := published.Reason == checked.Reason
	if !f.SpokeCheckUnknown {
		reachable, fresh := f.reachable()
		if !fresh {
			return said
		}
		changing := published.Reason == checked.Reason || published.Reason == said.Reason
		if steady(reachable, f.Now) && (!changing || steady(published, f.Now)) {
			follow = evidenceOf(reachable) == proof
		}
	}
	if follow {
		return checked
	}
	return said
}

// checkedHealth returns what a SpokeCheck makes of what Cluster API says, and of what it must be evidence for that; nothing where
// only Cluster API counts.
func checkedHealth(cluster *clusterv1.Cluster, said metav1.Condition) (metav1.Condition, evidence) {
	switch said.Reason {
	case v1alpha1.ReasonPaused, v1alpha1.ReasonClusterAPIDown, v1alpha1.ReasonProbeFailed:
		if !ControlPlaneInitialized(cluster) {
			return said, nothing
		}
		return healthy(
			metav1.ConditionTrue,
			v1alpha1.ReasonSpokeAnswers,
			"The consumer reaches the spoke, as its SpokeCheck says; what Cluster API says of it is stale.",
		), answers
	case v1alpha1.ReasonProbeSucceeded:
		return healthy(
			metav1.ConditionUnknown,
			v1alpha1.ReasonSpokeSilent,
			"Cluster API reports that the control plane is available, but the consumer gets no answer; the SpokeCheck says why.",
		), silent
	}
	return said, nothing
}

// steady reports whether a condition has had its status for a while. A time that is far in the future is wrong, and holds up nothing.
func steady(condition metav1.Condition, now time.Time) bool {
	lasted := now.Sub(condition.LastTransitionTime.Time)
	return lasted >= steadyTime || lasted < -steadyTime
}

// reachable returns the condition of the profile's SpokeCheck; false where no SpokeCheck counts. Those that do not count: of an
// earlier profile of the name, of a server that the publisher does not publish (now, or at all), and what its consumer no longer
// renews or has not promised to renew.
func (f Facts) reachable() (metav1.Condition, bool) {
	check := f.SpokeCheck
	if check == nil || !isOf(check, f.Published) || !f.Published.publishes(check.Status.Server) {
		return metav1.Condition{}, false
	}
	found := meta.FindStatusCondition(check.Status.Conditions, v1alpha1.ConditionReachable)
	if found == nil || check.Status.HeartbeatSeconds <= 0 || check.Status.Silent(f.Now, 0) {
		return metav1.Condition{}, false
	}
	return *found, true
}

// isOf reports whether a SpokeCheck was made for a profile, and not for an earlier one of the same name.
func isOf(check *v1alpha1.SpokeCheck, published *Live) bool {
	return published != nil && slices.ContainsFunc(check.OwnerReferences, func(owner metav1.OwnerReference) bool {
		return owner.UID == published.UID
	})
}

// checkedVersion is the version of a Cluster for which Cluster API reports none: what the spoke said at its /version. Until it
// answers again, and until the policy changes, the version that is published stays.
func checkedVersion(f Facts) string {
	published := f.Published.version()
	reachable, fresh := f.reachable()
	if !fresh || evidenceOf(reachable) != answers {
		return published
	}
	versions := []string{f.SpokeCheck.Status.KubernetesVersion}
	if meta.IsStatusConditionTrue(f.Cluster.Status.Conditions, clusterv1.ClusterRollingOutCondition) {
		// One API server of several was asked, each time another one.
		versions = append(versions, published)
	}
	if seen := lowest(versions); seen != "" {
		return seen
	}
	return published
}

// SpokeCheckChangesAfter returns after how long time alone changes what the SpokeCheck makes of the profile: it becomes stale, or it
// and the profile have been steady; zero for never.
func SpokeCheckChangesAfter(f Facts) time.Duration {
	reachable, fresh := f.reachable()
	if !fresh {
		return 0
	}
	next := f.SpokeCheck.Status.SilentAt(f.Now, 0).Sub(f.Now)
	health := f.Published.condition(inventoryv1alpha1.ClusterConditionControlPlaneHealthy)
	for _, since := range []metav1.Time{reachable.LastTransitionTime, health.LastTransitionTime} {
		if left := since.Add(steadyTime).Sub(f.Now); left > 0 && left < next {
			next = left
		}
	}
	return next
}
