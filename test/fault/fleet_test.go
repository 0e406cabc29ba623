// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// fleet is a stage whose Clusters have spokes that answer, and whose Inventories ask for scoped access to them.
//
// All spokes are one API server, on which a broker has one namespace, and no controller would finish the deletion of that one. So one
// Cluster, the keeper, stays for as long as the fleet, with an Inventory of its own: its grant keeps the namespace.
type fleet struct {
	*stage
	*rand.Rand
	spokes *spokes
	// broker identifies the hub and the class of the broker on spokes.
	broker string
	// keys are the Clusters that come and go, and uids those that are there.
	keys [8]types.NamespacedName
	uids map[types.NamespacedName]types.UID
	// once says that no name of a Cluster is used twice, and named counts the names.
	once  bool
	named int
}

func newFleet(t *testing.T, handler func(http.ResponseWriter, *http.Request, http.Handler)) *fleet {
	t.Helper()
	f := &fleet{stage: newStage(t), Rand: newRandom(t), uids: map[types.NamespacedName]types.UID{}}
	f.spokes = newSpokes(t, f.name, handler)
	system := &corev1.Namespace{}
	must(t, hub.Get(t.Context(), client.ObjectKey{Name: metav1.NamespaceSystem}, system))
	f.broker = grant.HubOf(system.UID, f.name)
	for i := range f.keys {
		f.keys[i] = types.NamespacedName{Namespace: f.clusters[i%2], Name: f.newName()}
	}
	t.Cleanup(func() { f.removeGrants(t) })
	f.setInventory(t, "a", inventoryState{access: f.access()})
	f.setInventory(t, "b", inventoryState{into: f.shared, access: f.access()})
	f.createKeeper(t)
	return f
}

func (f *fleet) newName() string {
	f.named++
	return fmt.Sprintf("c%d", f.named)
}

func (f *fleet) keeper() types.NamespacedName {
	return types.NamespacedName{Namespace: f.late, Name: "keeper"}
}

func (f *fleet) createKeeper(t *testing.T) {
	t.Helper()
	key := f.keeper()
	f.createNamespace(t, key.Namespace)
	uid := f.createCluster(t, key, clusterState{version: "v1.36.0", healthy: true})
	f.setKubeconfig(t, key, f.spokes.kubeconfig(key.Name, uid))
	spec := inventoryState{access: f.access()}.spec(f.stage)
	spec.NamespaceSelector = metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: key.Namespace}}
	must(t, hub.Create(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: f.name + "-" + key.Name}, Spec: spec}))
}

func (f *fleet) removeGrants(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for _, namespace := range f.namespaces() {
		var grants v1alpha1.AccessGrantList
		if err := hub.List(ctx, &grants, client.InNamespace(namespace)); err != nil {
			t.Logf("cleaning up: %v", err)
		}
		for i := range grants.Items {
			_ = hub.Delete(ctx, &grants.Items[i])
			_ = hub.Patch(ctx, &grants.Items[i], client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)))
		}
	}
}

// flags are those of a publisher and of a broker of the fleet.
func (f *fleet) flags() (publisher, broker []string) {
	all := []string{"--leader-elect=false", "--publisher-class=" + f.name, "--namespace=" + strings.Join(f.namespaces(), ",")}
	publisher = append([]string{"--stale-after=0", "--cluster-manager-name=" + f.name}, all...)
	broker = append([]string{"--allow-local-servers", "--timeout=1m"}, all...)
	return publisher, broker
}

// step carries out one random operation.
func (f *fleet) step(t *testing.T) {
	t.Helper()
	if f.IntN(8) == 0 {
		f.collect(t)
	}
	i := f.IntN(len(f.keys))
	key := f.keys[i]
	uid := f.uids[key]
	if uid == "" {
		f.join(t, key)
		return
	}
	switch f.IntN(12) {
	case 0, 1:
		f.leave(t, key)
		if f.once {
			f.keys[i].Name = f.newName()
		}
	case 2:
		f.setKubeconfig(t, key, broken)
	case 3:
		f.setKubeconfig(t, key, nil)
	case 4, 5:
		f.editCluster(t, key, f.state())
	case 6:
		f.setInventory(t, "a", inventoryState{access: f.access()})
	case 7:
		state := inventoryState{into: f.shared, access: f.access()}
		if f.IntN(3) == 0 {
			state.access = nil
		}
		f.setInventory(t, "b", state)
	default:
		f.setKubeconfig(t, key, f.spokes.kubeconfig(key.Name, uid))
	}
}

// fill has every Cluster published by both Inventories, with scoped access.
func (f *fleet) fill(t *testing.T) {
	t.Helper()
	for _, key := range f.keys {
		if f.uids[key] == "" {
			f.join(t, key)
		}
		f.editCluster(t, key, clusterState{version: "v1.36.0", healthy: true})
	}
	f.giveKubeconfigs(t)
	f.setInventory(t, "a", inventoryState{access: f.access()})
	f.setInventory(t, "b", inventoryState{into: f.shared, access: f.access()})
}

// calm gives every Cluster a kubeconfig, and has one of the Inventories ask for no access any more.
func (f *fleet) calm(t *testing.T) {
	t.Helper()
	f.setInventory(t, "a", inventoryState{access: f.access()})
	f.setInventory(t, "b", inventoryState{into: f.shared})
	f.giveKubeconfigs(t)
}

// giveKubeconfigs gives every Cluster a kubeconfig with another address of its spoke.
func (f *fleet) giveKubeconfigs(t *testing.T) {
	t.Helper()
	for key, uid := range f.uids {
		f.setKubeconfig(t, key, f.spokes.kubeconfig(key.Name, uid))
	}
}

// join creates a Cluster without a kubeconfig.
func (f *fleet) join(t *testing.T, key types.NamespacedName) {
	t.Helper()
	state := clusterState{version: "v1.36.0", healthy: true}
	f.uids[key] = f.createCluster(t, key, state)
}

// leave deletes a Cluster, and its spoke with all that is on it.
func (f *fleet) leave(t *testing.T, key types.NamespacedName) {
	t.Helper()
	f.deleteCluster(t, key)
	f.spokes.end(f.uids[key])
	delete(f.uids, key)
	for _, into := range []string{"", f.shared} {
		names := f.names(grantOf(profileOf(key, into)))
		for object, namespace := range map[client.Object]string{
			&rbacv1.ClusterRoleBinding{}: "", &rbacv1.ClusterRole{}: "",
			&corev1.ServiceAccount{}: names.Namespace, &rbacv1.RoleBinding{}: "default",
		} {
			must(t, hub.DeleteAllOf(t.Context(), object, client.InNamespace(namespace),
				client.MatchingLabels{v1alpha1.LabelGrant: names.Grant}))
		}
	}
}

// grantOf is the AccessGrant beside a profile.
func grantOf(of types.NamespacedName) types.NamespacedName {
	return types.NamespacedName{Namespace: of.Namespace, Name: profile.GrantName(of.Name, v1alpha1.ProviderKubeconfigSecret)}
}

// names are those of what a broker makes for a grant.
func (f *fleet) names(of types.NamespacedName) grant.Names { return grant.NamesOf(f.broker, of) }

// state is of a Cluster that is published or not.
func (f *fleet) state() clusterState {
	return clusterState{version: "v1.36.0", healthy: true, optOut: f.IntN(2) == 0}
}

// access are rights on all of a spoke or in one namespace.
func (f *fleet) access() *v1alpha1.ServiceAccountAccess {
	access := &v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"view"}}
	if f.IntN(3) == 0 {
		access.ClusterRoles = append(access.ClusterRoles, "edit")
	}
	if f.IntN(3) == 0 {
		access.Namespaces = []string{"default"}
	}
	if f.IntN(2) == 0 {
		access.Rules = []v1alpha1.AccessRule{{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"nodes"}}}
	}
	return access
}

// collect deletes what belongs to profiles that are gone, as the garbage collector does; the Secrets of grants are the broker's to delete.
func (f *fleet) collect(t *testing.T) {
	t.Helper()
	// Profiles are read last: the owner of what was read before is among them, unless it is gone.
	found, alive := f.grantsAndChecks(t), map[types.UID]bool{}
	for _, live := range f.profiles(t) {
		alive[live.UID] = true
	}
	for _, owned := range found {
		if owners := owned.GetOwnerReferences(); len(owners) == 1 && !alive[owners[0].UID] && owned.GetDeletionTimestamp().IsZero() {
			uid := owned.GetUID()
			// A conflict is with a successor.
			if err := hub.Delete(t.Context(), owned, client.Preconditions{UID: &uid}); !apierrors.IsConflict(err) {
				must(t, client.IgnoreNotFound(err))
			}
		}
	}
}

func (f *fleet) grantsAndChecks(t *testing.T) []client.Object {
	t.Helper()
	var found []client.Object
	for _, namespace := range f.namespaces() {
		var grants v1alpha1.AccessGrantList
		var checks v1alpha1.SpokeCheckList
		must(t, hub.List(t.Context(), &grants, client.InNamespace(namespace)))
		must(t, hub.List(t.Context(), &checks, client.InNamespace(namespace)))
		for i := range grants.Items {
			found = append(found, &grants.Items[i])
		}
		for i := range checks.Items {
			found = append(found, &checks.Items[i])
		}
	}
	return found
}
