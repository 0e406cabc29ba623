// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// token is in every kubeconfig, and must be nowhere else.
const token = "marker-of-a-token-that-must-not-leak"

// stage is a part of the hub that one test and its publisher have for themselves.
type stage struct {
	// name is the manager and the class of its publisher, and the beginning of all names.
	name string
	// clusters are the namespaces of Clusters; Inventories publish into shared, and into late, which does not exist at first.
	clusters     [2]string
	shared, late string
	// foreign are the profiles of another manager, as they were made.
	foreign map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile
	// births numbers the Clusters, by their UID: each kubeconfig names the one that it leads to.
	births map[types.UID]int
	writes int
}

var stages atomic.Int32

func newStage(t tester) *stage {
	t.Helper()
	name := fmt.Sprintf("fault%d", stages.Add(1))
	s := &stage{
		name:     name,
		clusters: [2]string{name + "-x", name + "-y"},
		shared:   name + "-shared",
		late:     name + "-late",
		foreign:  map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile{},
		births:   map[types.UID]int{},
	}
	for _, namespace := range []string{s.clusters[0], s.clusters[1], s.shared} {
		s.createNamespace(t, namespace)
	}
	t.Cleanup(func() { s.remove(t) })
	return s
}

// namespaces are all that may have profiles.
func (s *stage) namespaces() []string {
	return []string{s.clusters[0], s.clusters[1], s.shared, s.late}
}

func (s *stage) createNamespace(t tester, name string) {
	t.Helper()
	must(t, hub.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
}

// remove leaves nothing that a later publisher would look at.
func (s *stage) remove(t tester) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for _, namespace := range s.namespaces() {
		for _, object := range []client.Object{&clusterv1.Cluster{}, &corev1.Secret{}, &inventoryv1alpha1.ClusterProfile{}} {
			if err := hub.DeleteAllOf(ctx, object, client.InNamespace(namespace)); err != nil && !apierrors.IsNotFound(err) {
				t.Logf("cleaning up: %v", err)
			}
		}
	}
	var inventories v1alpha1.InventoryList
	if err := hub.List(ctx, &inventories); err != nil {
		t.Logf("cleaning up: %v", err)
	}
	for i := range inventories.Items {
		inventory := &inventories.Items[i]
		if inventory.Spec.PublisherClass != s.name {
			continue
		}
		_ = hub.Delete(ctx, inventory)
		_ = hub.Patch(ctx, inventory, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)))
	}
}

// clusterState is what Cluster API and users say of a Cluster.
type clusterState struct {
	env, version string
	// optOut, paused and healthy are the Cluster's label, spec and conditions.
	optOut, paused, healthy bool
}

func (c clusterState) set(cluster *clusterv1.Cluster) {
	cluster.Labels = map[string]string{"env": c.env}
	if c.optOut {
		cluster.Labels[v1alpha1.LabelPublish] = "false"
	}
	cluster.Spec.Paused = &c.paused
	fixture.Provisioned(c.version)(cluster)
	if !c.healthy {
		fixture.Condition(clusterv1.ClusterControlPlaneAvailableCondition, metav1.ConditionFalse)(cluster)
	}
}

// createCluster creates a Cluster without a kubeconfig, and returns its UID.
func (s *stage) createCluster(t tester, key types.NamespacedName, state clusterState) types.UID {
	t.Helper()
	cluster := fixture.Cluster(key.Namespace, key.Name, state.set)
	must(t, hub.Create(t.Context(), cluster))
	s.births[cluster.UID] = len(s.births) + 1
	s.editCluster(t, key, state)
	return cluster.UID
}

func (s *stage) editCluster(t tester, key types.NamespacedName, state clusterState) {
	t.Helper()
	for _, write := range []func(context.Context, *clusterv1.Cluster) error{
		func(ctx context.Context, cluster *clusterv1.Cluster) error { return hub.Update(ctx, cluster) },
		func(ctx context.Context, cluster *clusterv1.Cluster) error { return hub.Status().Update(ctx, cluster) },
	} {
		cluster := &clusterv1.Cluster{}
		must(t, hub.Get(t.Context(), key, cluster))
		state.set(cluster)
		must(t, write(t.Context(), cluster))
	}
}

// deleteCluster deletes a Cluster and its kubeconfig, which Cluster API owns.
func (s *stage) deleteCluster(t tester, key types.NamespacedName) {
	t.Helper()
	must(t, hub.Delete(t.Context(), fixture.Cluster(key.Namespace, key.Name)))
	s.setKubeconfig(t, key, nil)
}

// serverOf returns a server that only the Cluster of the UID has had.
func (s *stage) serverOf(key types.NamespacedName, uid types.UID) string {
	s.writes++
	return fmt.Sprintf("https://%d.%d.%s.%s.example.com:6443", s.writes, s.births[uid], key.Name, key.Namespace)
}

// isServerOf reports whether the server is of the Cluster of the UID.
func (s *stage) isServerOf(server string, key types.NamespacedName, uid types.UID) bool {
	return strings.HasSuffix(server, fmt.Sprintf(".%d.%s.%s.example.com:6443", s.births[uid], key.Name, key.Namespace))
}

// kubeconfig is one as Cluster API writes it.
func kubeconfig(name, address string) []byte {
	config := server.Config()
	config.CertData, config.KeyData, config.BearerToken = nil, nil, token
	return fixture.Kubeconfig(name, config, address)
}

// broken is a kubeconfig that decoders would quote.
var broken = []byte("apiVersion: v1\nkind: Config\nusers: " + token + "\n")

// setKubeconfig creates or changes the Secret of a Cluster; nil deletes it.
func (s *stage) setKubeconfig(t tester, key types.NamespacedName, raw []byte) {
	t.Helper()
	secret := fixture.KubeconfigSecret(key.Namespace, key.Name, raw)
	if raw == nil {
		must(t, client.IgnoreNotFound(hub.Delete(t.Context(), secret)))
		return
	}
	err := hub.Create(t.Context(), secret)
	if apierrors.IsAlreadyExists(err) {
		err = hub.Update(t.Context(), secret)
	}
	must(t, err)
}

// inventoryState is what an Inventory says.
type inventoryState struct {
	// into is the namespace of its profiles; empty for those of the Clusters.
	into string
	// production says that only Clusters with env=production are selected.
	production bool
	// invalid says that an expression cannot be compiled.
	invalid bool
	set     string
	// access is asked for on each spoke; nil for a reference to the administrator's kubeconfig.
	access *v1alpha1.ServiceAccountAccess
}

func (i inventoryState) spec(s *stage) v1alpha1.InventorySpec {
	spec := v1alpha1.InventorySpec{
		PublisherClass: s.name,
		Namespace:      i.into,
		ClusterSet:     i.set,
		Labels:         v1alpha1.Propagation{Include: []string{"env"}},
		Properties:     []v1alpha1.PropertyExpression{{Name: "name.example.com", Expression: "cluster.metadata.name"}},
	}
	spec.NamespaceSelector.MatchExpressions = []metav1.LabelSelectorRequirement{{
		Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: s.clusters[:],
	}}
	if i.production {
		spec.ClusterSelector.MatchLabels = map[string]string{"env": "production"}
	}
	if i.invalid {
		spec.Properties[0].Expression = "cluster.metadata.name +"
	}
	if i.access != nil {
		spec.AccessProviders = []v1alpha1.AccessProvider{{Name: v1alpha1.ProviderKubeconfigSecret, ServiceAccount: i.access}}
	}
	return spec
}

// setInventory creates or changes an Inventory, and returns when it was created.
func (s *stage) setInventory(t tester, name string, state inventoryState) metav1.Time {
	t.Helper()
	inventory := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: s.name + "-" + name}}
	must(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		err := hub.Get(t.Context(), client.ObjectKeyFromObject(inventory), inventory)
		inventory.Spec = state.spec(s)
		if apierrors.IsNotFound(err) {
			return hub.Create(t.Context(), inventory)
		} else if err != nil {
			return err
		}
		return hub.Update(t.Context(), inventory)
	}))
	return inventory.CreationTimestamp
}

func (s *stage) deleteInventory(t tester, name string) {
	t.Helper()
	must(t, hub.Delete(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: s.name + "-" + name}}))
}

// profiles lists all of the stage.
func (s *stage) profiles(t tester) map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile {
	t.Helper()
	found := map[types.NamespacedName]*inventoryv1alpha1.ClusterProfile{}
	for _, namespace := range s.namespaces() {
		var list inventoryv1alpha1.ClusterProfileList
		must(t, hub.List(t.Context(), &list, client.InNamespace(namespace)))
		for i := range list.Items {
			found[client.ObjectKeyFromObject(&list.Items[i])] = &list.Items[i]
		}
	}
	return found
}

// inventories lists those of the stage, by the name that the test has given them.
func (s *stage) inventories(t tester) map[string]*v1alpha1.Inventory {
	t.Helper()
	found := map[string]*v1alpha1.Inventory{}
	var list v1alpha1.InventoryList
	must(t, hub.List(t.Context(), &list))
	for i := range list.Items {
		name, ours := strings.CutPrefix(list.Items[i].Name, s.name+"-")
		if ours && list.Items[i].Spec.PublisherClass == s.name && name != marker {
			found[name] = &list.Items[i]
		}
	}
	return found
}
