// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// clusterPropertyAccess is all that the broker's own access to a spoke may do: read what the spoke says of itself (KEP-2149).
var clusterPropertyAccess = v1alpha1.ServiceAccountAccess{
	Rules: []v1alpha1.AccessRule{
		{Verbs: []string{"list"}, APIGroups: []string{"about.k8s.io"}, Resources: []string{"clusterproperties"}},
		{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"namespaces"}, ResourceNames: []string{"kube-system"}},
	},
	TokenTTL: metav1.Duration{Duration: 24 * time.Hour},
}

// grantedProviders returns the providers for which the publisher makes AccessGrants.
func grantedProviders(providers []provider, spec *v1alpha1.InventorySpec) []provider {
	granted := slices.DeleteFunc(slices.Clone(providers), func(p provider) bool { return p.ServiceAccount == nil })
	if spec.ClusterPropertyPolicy == v1alpha1.ClusterPropertyPolicyImport {
		granted = append(granted, provider{
			AccessProvider: v1alpha1.AccessProvider{Name: v1alpha1.ProviderClusterProperties, ServiceAccount: &clusterPropertyAccess},
			publisherClass: spec.PublisherClass,
		})
	}
	return granted
}

// importProblems reports why the ClusterProperties of the spoke are not on the profile, or not all of them.
func (inv *Inventory) importProblems(f Facts) []Problem {
	i := slices.IndexFunc(inv.granted, func(p provider) bool { return p.Name == v1alpha1.ProviderClusterProperties })
	if i < 0 || !ControlPlaneInitialized(f.Cluster) {
		return nil
	}
	key := inv.Key(f.Cluster)
	name := GrantName(key.Name, v1alpha1.ProviderClusterProperties)
	at, rejected := f.endpoint(f.Cluster, v1alpha1.ProviderClusterProperties, DefaultSecret(f.Cluster.Name))
	if rejected != nil {
		return []Problem{*rejected}
	}
	fault, usable := f.grantFault(name, inv.granted[i].subject(f.Cluster, key.Name), at)
	if usable {
		imported := meta.FindStatusCondition(f.Grant(name).Status.Conditions, v1alpha1.ConditionPropertiesImported)
		if imported != nil && imported.Status != metav1.ConditionTrue {
			fault = because("has not imported all ClusterProperties", imported.Message)
		}
	}
	if fault == "" || f.grantPending(name) {
		return nil
	}
	return []Problem{problem(v1alpha1.ProblemPropertiesNotImported, "AccessGrant %s/%s %s.", key.Namespace, name, fault)}
}
