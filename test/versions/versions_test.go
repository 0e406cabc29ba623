// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package versions_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

const namespace = "default"

// TestUpgradeOfTheAPI goes the way that upstream plans for the API. On each step the programs that run publish, grant and check a new
// Cluster, an earlier profile is not written, and a change of it is written with the field ownership that there was.
func TestUpgradeOfTheAPI(t *testing.T) {
	s := newStage(t)
	s.create(&v1alpha1.Inventory{
		ObjectMeta: metav1.ObjectMeta{Name: "default"},
		Spec: v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{{
			Name:           v1alpha1.ProviderKubeconfigSecret,
			ServiceAccount: &v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"view"}},
		}}},
	})
	programs := map[string]*program{
		"publisher": s.keepRunning("publisher"),
		"broker":    s.keepRunning("broker", "--allow-local-servers"),
		"consumer":  s.keepRunning("consumer", "--allow-local-servers", "--clusterprofile-provider-file="+s.in("providers.json")),
	}
	for i, step := range []struct {
		name   string
		stored string
		served []string
		inUse  string
	}{
		{"v1alpha1 alone", "v1alpha1", []string{"v1alpha1"}, "v1alpha1"},
		{"v1alpha2 served too", "v1alpha1", []string{"v1alpha1", "v1alpha2"}, "v1alpha1"},
		{"v1alpha2 stored", "v1alpha2", []string{"v1alpha1", "v1alpha2"}, "v1alpha1"},
		{"v1alpha2 alone", "v1alpha2", []string{"v1alpha2"}, "v1alpha2"},
	} {
		if !t.Run(step.name, func(t *testing.T) {
			g := NewWithT(t)
			before := s.profiles(t)
			g.Expect(s.ServeProfiles(t.Context(), step.stored, step.served...)).To(Succeed())
			name := fmt.Sprintf("c%d", i)
			s.addCluster(name)
			s.expectReachable(g, name, step.inUse)
			after := s.profiles(t)
			for name, profile := range before {
				g.Expect(after[name].ResourceVersion).To(Equal(profile.ResourceVersion), "%s was written for no reason", name)
			}
			s.changeVersion(g, "c0", fmt.Sprintf("v1.36.%d", i))
			s.expectOwnership(g, s.profiles(t)["c0"], step.inUse)
			s.expectListed(g, step.inUse, i+1)
		}) {
			break
		}
	}
	expectRestarts(NewWithT(t), programs)
}

// addCluster adds a Cluster, whose spoke is the hub itself.
func (s *stage) addCluster(name string) {
	s.t.Helper()
	s.create(fixture.Cluster(namespace, name, fixture.Provisioned("v1.36.9")),
		fixture.KubeconfigSecret(namespace, name, fixture.Kubeconfig(name, s.Config(), "")))
}

// profiles returns every profile by name.
func (s *stage) profiles(t *testing.T) map[string]*inventoryv1alpha1.ClusterProfile {
	t.Helper()
	list := &inventoryv1alpha1.ClusterProfileList{}
	if err := s.client().List(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	profiles := map[string]*inventoryv1alpha1.ClusterProfile{}
	for i := range list.Items {
		profiles[list.Items[i].Name] = &list.Items[i]
	}
	return profiles
}

// expectReachable waits until a Cluster is published, granted and checked, by programs that use the version.
func (s *stage) expectReachable(g *WithT, name, version string) {
	s.t.Helper()
	k8s, key := s.client(), client.ObjectKey{Namespace: namespace, Name: name}
	owner := HaveField("ObjectMeta.OwnerReferences", ConsistOf(HaveField("APIVersion", "multicluster.x-k8s.io/"+version)))
	g.Eventually(func() (*v1alpha1.SpokeCheck, error) {
		check := &v1alpha1.SpokeCheck{}
		return check, client.IgnoreNotFound(k8s.Get(s.t.Context(), key, check))
	}).Should(And(owner, Satisfy(func(check *v1alpha1.SpokeCheck) bool {
		return meta.IsStatusConditionTrue(check.Status.Conditions, v1alpha1.ConditionReachable)
	})))
	grants := &v1alpha1.AccessGrantList{}
	g.Eventually(func() ([]v1alpha1.AccessGrant, error) {
		err := k8s.List(s.t.Context(), grants)
		return grants.Items, err
	}).Should(And(Not(BeEmpty()), HaveEach(owner)), "an owner in a version that is not served cannot be found")
}

// changeVersion changes what Cluster API reports, and waits until it is published.
func (s *stage) changeVersion(g *WithT, name, version string) {
	s.t.Helper()
	k8s, key := s.client(), client.ObjectKey{Namespace: namespace, Name: name}
	g.Eventually(func() error {
		cluster := fixture.Cluster(namespace, name)
		if err := k8s.Get(s.t.Context(), key, cluster); err != nil {
			return err
		}
		fixture.Provisioned(version)(cluster)
		return k8s.Status().Update(s.t.Context(), cluster)
	}).Should(Succeed())
	g.Eventually(func() (string, error) {
		live := &inventoryv1alpha1.ClusterProfile{}
		err := k8s.Get(s.t.Context(), key, live)
		return live.Status.Version.Kubernetes, err
	}).Should(Equal(version))
}

// expectOwnership expects that the publisher has applied the profile and its status, each once and the status in the version.
func (s *stage) expectOwnership(g *WithT, live *inventoryv1alpha1.ClusterProfile, version string) {
	s.t.Helper()
	applied := map[string]string{}
	for _, entry := range live.ManagedFields {
		g.Expect(entry.Manager).To(Equal(profile.FieldManager))
		g.Expect(entry.Operation).To(Equal(metav1.ManagedFieldsOperationApply))
		g.Expect(applied).NotTo(HaveKey(entry.Subresource))
		applied[entry.Subresource] = entry.APIVersion
	}
	g.Expect(applied).To(And(HaveLen(2), HaveKeyWithValue("status", "multicluster.x-k8s.io/"+version)))
	g.Expect(live.Status.AccessProviders).To(HaveLen(1))
	g.Expect(live.Status.AccessProviders[0].Cluster.Extensions).To(HaveLen(1))
}

// expectListed lists the profiles by the plugin.
func (s *stage) expectListed(g *WithT, version string, count int) {
	s.t.Helper()
	out, err := s.command(s.t.Context(), "kubectl-inventory", "list", "-A", "-o", "json").Output()
	g.Expect(err).NotTo(HaveOccurred())
	var list metav1.PartialObjectMetadataList
	g.Expect(json.Unmarshal(out, &list)).To(Succeed())
	g.Expect(list.Items).To(HaveLen(count))
	g.Expect(list.Items).To(HaveEach(HaveField("APIVersion", "multicluster.x-k8s.io/"+version)))
}

// expectRestarts expects that each program was started again once, said why, and has logged the deprecation at most once.
func expectRestarts(g *WithT, programs map[string]*program) {
	for name, p := range programs {
		runs := p.logs()
		g.Expect(runs).To(HaveLen(2), name)
		g.Expect(runs[0]).To(ContainSubstring(
			"serves clusterprofiles.multicluster.x-k8s.io as v1alpha2 and not as v1alpha1: a restart is needed"), name)
		warned := slices.DeleteFunc(
			strings.Split(runs[0], "\n"),
			func(line string) bool { return !strings.Contains(line, "is deprecated") },
		)
		g.Expect(len(warned)).To(BeNumerically("<=", 1), "%s: %q", name, warned)
	}
}
