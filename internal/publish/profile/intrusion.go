// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/ssa"
)

// Intrusions returns what other writers have added inside the access providers of the Inventory, as JSON pointers into the
// profile, the last ones first. A proxy or a TLS server name that another writer adds sends consumers, with their credentials,
// elsewhere just as a changed server does; and a server-side apply removes nothing that its manager does not own. Providers of
// other names are others' own, and stay.
func (inv *Inventory) Intrusions(live *Live, wanted *inventoryac.ClusterProfileApplyConfiguration) []string {
	if live == nil {
		return nil
	}
	var pointers []string
	for i, published := range live.Status.AccessProviders {
		if !slices.ContainsFunc(inv.providers, func(p provider) bool { return p.Name == published.Name }) {
			continue
		}
		foreign := live.foreignFields(published.Name, published.Cluster)
		at := fmt.Sprintf("/status/accessProviders/%d", i)
		target := wantedCluster(wanted, published.Name)
		switch {
		case target != nil:
			for field := range fieldsOf(*target) {
				// The apply puts its own value there.
				delete(foreign, field)
			}
			for _, field := range slices.Sorted(maps.Keys(foreign)) {
				pointers = append(pointers, at+"/cluster/"+strings.ReplaceAll(strings.ReplaceAll(field, "~", "~0"), "/", "~1"))
			}
		case len(foreign) > 0 && live.applied.Owns("status", providerPath(published.Name)...):
			// Changed while there is nothing to put back: the publisher does not vouch for what is left of it.
			pointers = append(pointers, at)
		}
	}
	slices.Reverse(pointers)
	return pointers
}

func wantedCluster(wanted *inventoryac.ClusterProfileApplyConfiguration, name string) *clientcmdv1.Cluster {
	for _, provider := range wanted.Status.AccessProviders {
		if *provider.Name == name {
			return provider.Cluster
		}
	}
	return nil
}

// provider returns an access provider as it is published; nil where there is none.
func (l *Live) provider(name string) *clientcmdv1.Cluster {
	if l == nil {
		return nil
	}
	i := slices.IndexFunc(l.Status.AccessProviders, func(p inventoryv1alpha1.AccessProvider) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &l.Status.AccessProviders[i].Cluster
}

// foreignFields returns the fields of a published access provider that the publisher does not own.
func (l *Live) foreignFields(name string, cluster clientcmdv1.Cluster) map[string]bool {
	foreign := map[string]bool{}
	path := append(providerPath(name), "cluster", "")
	for field := range fieldsOf(cluster) {
		path[len(path)-1] = field
		if !l.applied.Owns("status", path...) {
			foreign[field] = true
		}
	}
	return foreign
}

func providerPath(name string) []string {
	return []string{"status", "accessProviders", ssa.Item("name", name)}
}

// fieldsOf returns the fields of a cluster that are set, under the names that they have in JSON.
func fieldsOf(cluster clientcmdv1.Cluster) map[string]any {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&cluster)
	if err != nil {
		// An extension that is not JSON, which the API server would not have stored.
		return map[string]any{"extensions": nil}
	}
	if server, _ := fields["server"].(string); server == "" {
		// The one field that is encoded when it is empty too.
		delete(fields, "server")
	}
	return fields
}
