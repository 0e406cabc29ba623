// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

const (
	healthy = inventoryv1alpha1.ClusterConditionControlPlaneHealthy
	// labelIgnore hides a profile from Headlamp, by the selector of its chart.
	labelIgnore = "headlamp.dev/ignore"
	// argoDomain is the domain of the labels that Argo CD itself acts on.
	argoDomain = "argocd.argoproj.io/"
	// maxArgoOrigin is the longest namespace and name that fit, joined by a hyphen, into a label value.
	maxArgoOrigin = 62
	// sveltosSuffix is what Sveltos puts after a profile's name to name a Secret.
	sveltosSuffix = "-sveltos-kubeconfig"
)

// inSight: the profile, or one of the same member, is where the consumer looks.
func inSight(s subject) *fault {
	want := s.options.Namespaces[s.consumer]
	if want == "" || s.Namespace == want || slices.ContainsFunc(s.twins(), func(twin *inventoryv1alpha1.ClusterProfile) bool { return twin.Namespace == want }) {
		return nil
	}
	return &fault{what: fmt.Sprintf("it looks in the namespace %s only, where the member has no profile", want)}
}

// twins are the other profiles of the same member by the same manager.
func (s subject) twins() []*inventoryv1alpha1.ClusterProfile {
	id := s.Labels[v1alpha1.LabelInventoryMemberID]
	var twins []*inventoryv1alpha1.ClusterProfile
	for i := range s.fleet {
		other := &s.fleet[i]
		if id != "" && other.Labels[v1alpha1.LabelInventoryMemberID] == id && other.Spec.ClusterManager.Name == s.Spec.ClusterManager.Name &&
			(other.Namespace != s.Namespace || other.Name != s.Name) {
			twins = append(twins, other)
		}
	}
	return twins
}

func notIgnored(s subject) *fault {
	if _, ignored := s.Labels[labelIgnore]; ignored {
		return &fault{what: "the label " + labelIgnore + " is set"}
	}
	return nil
}

// isHealthy: the condition that gates the consumer is True.
func isHealthy(s subject) *fault {
	switch condition := meta.FindStatusCondition(s.Status.Conditions, healthy); {
	case condition == nil:
		return &fault{what: "the condition " + healthy + " is missing"}
	case condition.Status != metav1.ConditionTrue:
		return &fault{what: fmt.Sprintf("the condition %s is %s (%s)", healthy, condition.Status, condition.Reason)}
	}
	return nil
}

func notUnhealthy(s subject) *fault {
	if condition := meta.FindStatusCondition(s.Status.Conditions, healthy); condition != nil && condition.Status == metav1.ConditionFalse {
		return &fault{what: fmt.Sprintf("the condition %s is False (%s), and hides that the cluster may be reachable", healthy, condition.Reason)}
	}
	return nil
}

// oneProfile: the member is in one namespace only, for consumers that read all.
func oneProfile(s subject) *fault {
	twins := s.twins()
	if len(twins) == 0 || s.options.Namespaces[s.consumer] != "" {
		return nil
	}
	return &fault{what: fmt.Sprintf("the member also has the profile %s/%s", twins[0].Namespace, twins[0].Name)}
}

// oneOfServer: no other profile of the namespace has the server.
func oneOfServer(s subject) *fault {
	for _, w := range s.ways() {
		for i := range s.fleet {
			other := s
			other.ClusterProfile = &s.fleet[i]
			if w.Cluster.Server == "" || other.Namespace != s.Namespace || other.Name == s.Name {
				continue
			}
			if slices.ContainsFunc(other.ways(), func(o way) bool { return o.Cluster.Server == w.Cluster.Server }) {
				return &fault{what: fmt.Sprintf("the profile %s has the same server %s", other.Name, w.Cluster.Server)}
			}
		}
	}
	return nil
}

// oneOfMember: of several profiles of one member in a namespace, this is the one that Argo CD takes, the oldest.
func oneOfMember(s subject) *fault {
	for _, twin := range s.twins() {
		if twin.Namespace != s.Namespace || s.CreationTimestamp.Time.Before(twin.CreationTimestamp.Time) {
			continue
		}
		if s.CreationTimestamp.Equal(&twin.CreationTimestamp) {
			return &fault{what: fmt.Sprintf("the profile %s has the same member ID and the same age: neither is taken", twin.Name)}
		}
		return &fault{what: fmt.Sprintf("the profile %s has the same member ID and is older", twin.Name)}
	}
	return nil
}

func memberIDSet(s subject) *fault {
	if id, set := s.Labels[v1alpha1.LabelInventoryMemberID]; set && id == "" {
		return &fault{what: "the label " + v1alpha1.LabelInventoryMemberID + " is empty"}
	}
	return nil
}

func memberIDUnique(s subject) *fault {
	for _, twin := range s.twins() {
		if twin.Namespace == s.Namespace {
			return &fault{what: fmt.Sprintf("the profile %s has the same member ID", twin.Name)}
		}
	}
	return nil
}

func noArgoLabels(s subject) *fault {
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		if strings.HasPrefix(key, argoDomain) {
			return &fault{what: "the label " + key + " would be copied onto the cluster Secret"}
		}
	}
	return nil
}

func originFits(s subject) *fault {
	if n := len(s.Namespace) + len(s.Name); n > maxArgoOrigin {
		return &fault{what: fmt.Sprintf("namespace and name have %d characters together; at most %d fit into a label", n, maxArgoOrigin)}
	}
	return nil
}

func secretNameFits(s subject) *fault {
	if n := len(s.Name) + len(sveltosSuffix); n > validation.DNS1123SubdomainMaxLength {
		return &fault{what: fmt.Sprintf("the name and %s have %d characters together; at most %d name a Secret", sveltosSuffix, n, validation.DNS1123SubdomainMaxLength)}
	}
	return nil
}

func managerLabelled(s subject) *fault {
	const key = inventoryv1alpha1.LabelClusterManagerKey
	if label, manager := s.Labels[key], s.Spec.ClusterManager.Name; label != manager {
		return &fault{what: fmt.Sprintf("the label %s is %q, and spec.clusterManager.name is %q", key, label, manager)}
	}
	return nil
}

func managerIsLabel(s subject) *fault {
	manager := s.Spec.ClusterManager.Name
	if faults := validation.IsValidLabelValue(manager); manager == "" || len(faults) > 0 {
		return &fault{what: fmt.Sprintf("spec.clusterManager.name %q is no label value of 1 to 63 characters", manager)}
	}
	return nil
}

// complete: what the conformance suite asks for and does not require is there.
func complete(s subject) *fault {
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
	return &fault{what: "not set: " + strings.Join(missing, ", ")}
}
