// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/printable"
)

const (
	healthy = inventoryv1alpha1.ClusterConditionControlPlaneHealthy
	// labelIgnore hides a profile from Headlamp, by the selector of its chart.
	labelIgnore = "headlamp.dev/ignore"
	// argoDomain is the domain of the labels that Argo CD itself acts on.
	argoDomain = "argocd.argoproj.io/"
	// maxArgoOrigin is the maximal length of a namespace and a name that, joined by a hyphen, are a label value.
	maxArgoOrigin = 62
	// sveltosSuffix is what Sveltos appends to a profile's name to name a Secret.
	sveltosSuffix = "-sveltos-kubeconfig"
)

// visible: the profile, or another one of the same member, is in a namespace that the consumer reads.
func visible(s subject) *problem {
	want := s.options.Namespaces[s.consumer]
	switch {
	case want == "" || s.Namespace == want || s.fleet.seen[memberOf(s.ClusterProfile)][want]:
		return nil
	case s.options.Seen != nil && !s.options.Seen.Has(want):
		unseen := cmp.Or(s.options.Unseen, "you may not list the profiles there")
		return &problem{what: fmt.Sprintf("it reads the namespace %s only, and %s", want, unseen), partial: true}
	}
	return &problem{what: fmt.Sprintf("it reads the namespace %s only, where the member has no profile", want)}
}

func notIgnored(s subject) *problem {
	if _, ignored := s.Labels[labelIgnore]; ignored {
		return &problem{what: "the label " + labelIgnore + " is set"}
	}
	return nil
}

// isHealthy: the condition that the consumer waits for is True.
func isHealthy(s subject) *problem {
	switch condition := meta.FindStatusCondition(s.Status.Conditions, healthy); {
	case condition == nil:
		return &problem{what: "the condition " + healthy + " is missing"}
	case condition.Status != metav1.ConditionTrue:
		return &problem{what: fmt.Sprintf("the condition %s is %s (%s)", healthy, condition.Status, condition.Reason)}
	}
	return nil
}

func notUnhealthy(s subject) *problem {
	condition := meta.FindStatusCondition(s.Status.Conditions, healthy)
	if condition != nil && condition.Status == metav1.ConditionFalse {
		return &problem{
			what: fmt.Sprintf("the condition %s is False (%s), although the cluster may be reachable", healthy, condition.Reason),
		}
	}
	return nil
}

// oneProfile: the member has a profile in one namespace only, for consumers that read all namespaces.
func oneProfile(s subject) *problem {
	same := s.other(s.fleet.members[memberOf(s.ClusterProfile)])
	if same == nil || s.options.Namespaces[s.consumer] != "" {
		return nil
	}
	return &problem{what: fmt.Sprintf("the member also has the profile %s/%s", same.Namespace, same.Name)}
}

// oneOfServer: no other profile of the namespace has the same server, whichever its manager or Inventory.
func oneOfServer(s subject) *problem {
	servers := s.fleet.serversFor(s)
	for _, p := range s.providers() {
		if other := s.other(servers[namespacedKey{s.Namespace, serverOf(p)}]); other != nil {
			return &problem{
				what: fmt.Sprintf("the profile %s has the same server %s", other.Name, printable.WithoutUserInfo(p.Cluster.Server)),
			}
		}
	}
	return nil
}

// oneOfMember: of several profiles of one member in a namespace, this is the oldest, which Argo CD uses.
func oneOfMember(s subject) *problem {
	oldest := s.sameID()
	switch {
	case oldest == nil || s.CreationTimestamp.Time.Before(oldest.CreationTimestamp.Time):
		return nil
	case s.CreationTimestamp.Equal(&oldest.CreationTimestamp):
		return &problem{what: fmt.Sprintf("the profile %s has the same member ID and the same age: neither is used", oldest.Name)}
	}
	return &problem{what: fmt.Sprintf("the profile %s has the same member ID and is older", oldest.Name)}
}

// sameID returns the oldest other profile of the namespace with the same member ID, whichever its manager, or nil.
func (s subject) sameID() *inventoryv1alpha1.ClusterProfile {
	return s.other(s.fleet.ids[namespacedKey{s.Namespace, s.Labels[v1alpha1.LabelInventoryMemberID]}])
}

func memberIDSet(s subject) *problem {
	if id, set := s.Labels[v1alpha1.LabelInventoryMemberID]; set && id == "" {
		return &problem{what: "the label " + v1alpha1.LabelInventoryMemberID + " is empty"}
	}
	return nil
}

// memberIDUnique: the conformance suite requires IDs that are unique in an inventory, "regardless of which cluster manager
// created the objects".
func memberIDUnique(s subject) *problem {
	other := s.sameID()
	switch {
	case other == nil:
		return nil
	case other.Spec.ClusterManager.Name != s.Spec.ClusterManager.Name:
		return &problem{
			what: fmt.Sprintf("the profile %s of the cluster manager %s has the same member "+
				"ID", other.Name, other.Spec.ClusterManager.Name),
		}
	}
	return &problem{what: fmt.Sprintf("the profile %s has the same member ID", other.Name)}
}

func noArgoLabels(s subject) *problem {
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		if strings.HasPrefix(key, argoDomain) {
			return &problem{what: "the label " + key + " would be copied onto the cluster Secret"}
		}
	}
	return nil
}

func originFits(s subject) *problem {
	if n := len(s.Namespace) + len(s.Name); n > maxArgoOrigin {
		return &problem{
			what: fmt.Sprintf("namespace and name have %d characters together; at most %d fit into a label value", n, maxArgoOrigin),
		}
	}
	return nil
}

func secretNameFits(s subject) *problem {
	if n := len(s.Name) + len(sveltosSuffix); n > validation.DNS1123SubdomainMaxLength {
		return &problem{what: fmt.Sprintf("the name and %s have %d characters together; the name of a Secret has at most %d",
			sveltosSuffix, n, validation.DNS1123SubdomainMaxLength)}
	}
	return nil
}

func managerLabelled(s subject) *problem {
	const key = inventoryv1alpha1.LabelClusterManagerKey
	if label, manager := s.Labels[key], s.Spec.ClusterManager.Name; label != manager {
		return &problem{what: fmt.Sprintf("the label %s is %q, and spec.clusterManager.name is %q", key, label, manager)}
	}
	return nil
}

func managerIsLabel(s subject) *problem {
	manager := s.Spec.ClusterManager.Name
	if errs := validation.IsValidLabelValue(manager); manager == "" || len(errs) > 0 {
		return &problem{what: fmt.Sprintf("spec.clusterManager.name %q is not a valid label value of 1 to 63 characters", manager)}
	}
	return nil
}

// complete: the fields that the conformance suite recommends are set.
func complete(s subject) *problem {
	var missing []string
	if _, set := s.Labels[v1alpha1.LabelInventoryMemberID]; !set {
		missing = append(missing, "the label "+v1alpha1.LabelInventoryMemberID)
	}
	for _, condition := range []string{healthy, v1alpha1.ConditionJoined} {
		if meta.FindStatusCondition(s.Status.Conditions, condition) == nil {
			missing = append(missing, "the condition "+condition)
		}
	}
	if s.Status.Version.Kubernetes == "" {
		missing = append(missing, "status.version.kubernetes")
	}
	if len(missing) == 0 {
		return nil
	}
	return &problem{what: "not set: " + strings.Join(missing, ", ")}
}
