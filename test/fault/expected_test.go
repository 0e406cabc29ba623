// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cache"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// hubState is everything from which follows what is to be published.
type hubState struct {
	clusters    []clusterv1.Cluster
	secrets     map[types.NamespacedName]*corev1.Secret
	profiles    map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile
	namespaces  map[string]labels.Set
	inventories profile.Compiled
}

func (s *stage) read(ctx context.Context) (*hubState, error) {
	seen := &hubState{
		secrets:     map[types.NamespacedName]*corev1.Secret{},
		profiles:    map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile{},
		namespaces:  map[string]labels.Set{},
		inventories: profile.Compiled{Invalid: map[string]error{}},
	}
	var namespaces corev1.NamespaceList
	if err := hub.List(ctx, &namespaces); err != nil {
		return nil, err
	}
	for i := range namespaces.Items {
		seen.namespaces[namespaces.Items[i].Name] = namespaces.Items[i].Labels
	}
	for _, namespace := range s.namespaces() {
		if err := seen.readNamespace(ctx, namespace); err != nil {
			return nil, err
		}
	}
	return seen, seen.readInventories(ctx, s.name)
}

func (h *hubState) readNamespace(ctx context.Context, namespace string) error {
	var clusters clusterv1.ClusterList
	var secrets corev1.SecretList
	var profiles inventoryv1alpha1.ClusterProfileList
	for _, list := range []client.ObjectList{&clusters, &secrets, &profiles} {
		if err := hub.List(ctx, list, client.InNamespace(namespace)); err != nil {
			return err
		}
	}
	h.clusters = append(h.clusters, clusters.Items...)
	for i := range secrets.Items {
		h.secrets[client.ObjectKeyFromObject(&secrets.Items[i])] = &secrets.Items[i]
	}
	for i := range profiles.Items {
		h.profiles[client.ObjectKeyFromObject(&profiles.Items[i])] = &profiles.Items[i]
	}
	return nil
}

func (h *hubState) readInventories(ctx context.Context, class string) error {
	compiler, err := cel.NewCompiler()
	if err != nil {
		return err
	}
	var inventories v1alpha1.InventoryList
	if err := hub.List(ctx, &inventories); err != nil {
		return err
	}
	for i := range inventories.Items {
		source := &inventories.Items[i]
		if source.Spec.PublisherClass != class {
			continue
		}
		if !source.DeletionTimestamp.IsZero() {
			return fmt.Errorf("the Inventory %s is still being deleted", source.Name)
		}
		compiled, err := profile.Compile(compiler, source)
		if err != nil {
			h.inventories.Invalid[source.Name] = err
			continue
		}
		h.inventories.Valid = append(h.inventories.Valid, compiled)
	}
	profile.SortByAge(h.inventories.Valid)
	return nil
}

// clusterFacts is a Cluster, the profiles that say they are its, and who publishes it.
type clusterFacts struct {
	cluster   *clusterv1.Cluster
	published []*inventoryv1alpha1.ClusterProfile
	claims    profile.Claims
	invalid   map[string]error
}

func (h *hubState) decide(cluster *clusterv1.Cluster) clusterFacts {
	of := clusterFacts{cluster: cluster, invalid: h.inventories.Invalid}
	for _, live := range h.profiles {
		if source, _ := profile.LabelledCluster(live); source == client.ObjectKeyFromObject(cluster) {
			of.published = append(of.published, live)
		}
	}
	// An error says that managedFields cannot be decoded: then there are no claims, and the audit fails.
	of.claims, _ = h.inventories.Claims(of.published, cluster, h.namespaces[cluster.Namespace])
	return of
}

// auditOthers checks the profiles of a Cluster that no Inventory has a claim for: they may stay until they are replaced, and while
// their Inventory is invalid. It adds those that may stay to the accounted ones.
func (f clusterFacts) auditOthers(accounted map[types.NamespacedName]bool) []string {
	var faults []string
	held := map[string]types.NamespacedName{}
	for _, live := range f.published {
		key := client.ObjectKeyFromObject(live)
		read, err := profile.Read(live)
		switch {
		case err != nil:
			faults = append(faults, err.Error())
			continue
		case read.ClusterUID() != f.cluster.UID:
			continue
		case f.claims.FateOf(read, f.cluster, f.invalid) != profile.Withdrawn:
			accounted[key] = true
		}
		if other, doubled := held[live.Namespace]; doubled {
			faults = append(faults, fmt.Sprintf("%s and %s stand for one Cluster", other, key))
		}
		held[live.Namespace] = key
	}
	return faults
}

// facts are those about a Cluster for an Inventory.
func (h *hubState) facts(manager string, cluster *clusterv1.Cluster, inventory *profile.Inventory) profile.Facts {
	facts := profile.Facts{Manager: manager, Cluster: cluster, Kubeconfigs: map[profile.SecretKey]profile.Kubeconfig{}, Now: time.Now()}
	for _, key := range inventory.Secrets(cluster) {
		secret := h.secrets[types.NamespacedName{Namespace: cluster.Namespace, Name: key.Name}]
		if secret == nil {
			facts.Kubeconfigs[key] = profile.Kubeconfig{
				Rejected: &endpoint.RejectedError{Reason: profile.SecretNotFound, Message: "there is no such Secret"},
			}
			continue
		}
		facts.Kubeconfigs[key] = cache.Parse(secret.Data[key.Key])
	}
	return facts
}

// remembers reports whether what is to be published of the facts depends on what was published before: without a good kubeconfig the
// last access stays.
func remembers(facts profile.Facts) bool {
	for _, kubeconfig := range facts.Kubeconfigs {
		if kubeconfig.Rejected != nil {
			return true
		}
	}
	return false
}
