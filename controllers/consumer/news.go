// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/observe"
)

// sameWay says whether two states of a profile lead to its spoke in the same way, and to the same spoke.
func sameWay(a, b *inventoryv1alpha1.ClusterProfile) bool {
	return apiequality.Semantic.DeepEqual(a.Status.AccessProviders, b.Status.AccessProviders) &&
		apiequality.Semantic.DeepEqual(a.Status.CredentialProviders, b.Status.CredentialProviders) &&
		observe.ClusterID(a) == observe.ClusterID(b)
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
