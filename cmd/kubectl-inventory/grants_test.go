// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

const grants = "accessgrants.capi-inventory.dev"

// TestGrants: who a consumer is on each spoke, for how long, and what is awaited. Its objects are gone at the end.
func TestGrants(t *testing.T) {
	populateGrants(t)
	reader := userWith(t, "grant-reader", right{"apps", grants, see})
	blind := userWith(t, "grant-blind", right{"apps", profiles, see}, right{"mobile", clusters, see}, right{"", inventories, see})
	for name, tc := range map[string]output{
		"grants":          {why: "the default output", args: []string{"grants", "-A"}},
		"grants-wide":     {why: "what is awaited", hub: reader, args: []string{"grants", "-n", "apps", "-o", "wide"}},
		"grants-selector": {why: "of one Cluster", args: []string{"grants", "-A", "-l", v1alpha1.LabelClusterName + "=lima", "--no-headers"}},
		"grants-name":     {why: "for xargs", args: []string{"grants", "-n", "apps", "-o", "name"}},
		"grants-yaml": {
			why: "as kubectl prints it", args: []string{"grants", "-A", "-l", v1alpha1.LabelClusterName + "=quito", "-o", "yaml"},
		},
		"grants-elsewhere":     {why: "there are some in another namespace", args: []string{"grants", "-n", "team-a"}},
		"grants-no-match":      {why: "the labels are the reason", args: []string{"grants", "-A", "-l", "env=none"}},
		"grants-bad-selector":  {why: "the flag must be named", args: []string{"grants", "-l", "a in b"}, code: exitError},
		"grants-argument":      {why: "there are no names", args: []string{"grants", "lima"}, code: exitError},
		"grants-not-installed": {why: "the wrong cluster", hub: in("spoke.kubeconfig"), args: []string{"grants", "-A"}, code: exitError},
		"rights-grants":        {why: "the error has a hint", hub: reader, args: []string{"grants", "-A"}, code: exitError},
		"explain-granted":      {why: "who a consumer is on the spoke", args: []string{"explain", "-n", "mobile", "lima"}},
		"explain-not-granted":  {why: "what is awaited", args: []string{"explain", "-n", "mobile", "quito"}},
		"rights-explain-grants": {
			why: "grants may not be read", hub: blind, args: []string{"explain", "-n", "apps", "profile/mobile--lima"},
		},
	} {
		t.Run(name, func(t *testing.T) { tc.hold(t, name) })
	}
}

// TestNoGrants: a hub on which nobody asks for access.
func TestNoGrants(t *testing.T) {
	args := []string{"grants", "-A"}
	golden(t, "grants-none", "the access provider is missing", transcript(args, plugin(t, in("hub.kubeconfig"), args...)))
}

// populateGrants publishes Clusters by an Inventory that asks for access by ServiceAccounts, until the test ends.
func populateGrants(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	for _, namespace := range []string{"apps", "mobile"} {
		must(t, client.IgnoreAlreadyExists(env.k8s.Create(ctx, &corev1.Namespace{
			ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{"team": "team-b"}},
		})))
	}
	// The last by its name as well, if all are made in one second: the oldest Inventory is listed first.
	scoped, err := inventory(ctx, "scoped", v1alpha1.InventorySpec{
		Namespace:         "apps",
		NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "mobile"}},
		AccessProviders: []v1alpha1.AccessProvider{{
			Name: v1alpha1.ProviderKubeconfigSecret,
			ServiceAccount: &v1alpha1.ServiceAccountAccess{
				ClusterRoles: []string{"view"}, TokenTTL: metav1.Duration{Duration: 24 * time.Hour},
			},
		}},
	})
	must(t, err)
	at, err := endpoint.Parse(fixture.Kubeconfig("lima", env.spoke.Config(), ""))
	must(t, err)
	t.Cleanup(func() {
		for _, list := range []client.Object{&v1alpha1.AccessGrant{}, &inventoryv1alpha1.ClusterProfile{}} {
			must(t, env.k8s.DeleteAllOf(ctx, list, client.InNamespace("apps")))
		}
		must(t, env.k8s.DeleteAllOf(ctx, &clusterv1.Cluster{}, client.InNamespace("mobile")))
		must(t, env.k8s.DeleteAllOf(ctx, &corev1.Secret{}, client.InNamespace("mobile")))
		must(t, env.k8s.Delete(ctx, &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "scoped"}}))
	})
	for _, name := range []string{"bogota", "lima", "quito", "santiago"} {
		cluster := fixture.Cluster("mobile", name, fixture.Provisioned("v1.36.3"))
		must(t, member(ctx, cluster, "", scoped))
		if grant := newGrant(t, cluster, at.Digest()); grant != nil {
			must(t, publish(ctx, scoped, cluster, at, grant))
		}
	}
}

// newGrant creates the grant of a Cluster's profile, as publisher and broker do.
func newGrant(t *testing.T, cluster *clusterv1.Cluster, digest string) *v1alpha1.AccessGrant {
	t.Helper()
	ctx := context.Background()
	name := profile.GrantName("mobile--"+cluster.Name, v1alpha1.ProviderKubeconfigSecret)
	grant := &v1alpha1.AccessGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: name, Labels: map[string]string{
			v1alpha1.LabelInventory: "scoped", v1alpha1.LabelClusterName: cluster.Name,
		}},
		Spec: v1alpha1.AccessGrantSpec{
			Inventory: "scoped", Provider: v1alpha1.ProviderKubeconfigSecret, Profile: "mobile--" + cluster.Name, Endpoint: digest,
			Cluster:        v1alpha1.GrantedCluster{Namespace: "mobile", Name: cluster.Name, UID: string(cluster.UID)},
			ServiceAccount: v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"view"}},
		},
	}
	status := v1alpha1.AccessGrantStatus{
		User:                "system:serviceaccount:capi-inventory-abcdefghijkl:apps." + name,
		Endpoint:            digest,
		ExpirationTimestamp: metav1.Date(2036, 1, 2, 3, 4, 5, 0, time.UTC),
		Conditions: []metav1.Condition{
			condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonGranted, "The spoke has accepted the token."),
			condition(v1alpha1.ConditionDegraded, metav1.ConditionFalse, v1alpha1.ReasonAsExpected, "Nothing is to be done."),
		},
	}
	away := condition(v1alpha1.ConditionDegraded, metav1.ConditionTrue, v1alpha1.ReasonSpokeUnreachable, "The spoke does not answer.")
	switch cluster.Name {
	case "bogota":
		status.ExpirationTimestamp = metav1.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
		status.Conditions[0] = condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonExpired, "The token has expired.")
		status.Conditions[1] = away
	case "quito":
		grant.Spec.Endpoint, status = "1", v1alpha1.AccessGrantStatus{}
	case "santiago":
		grant.Finalizers = []string{v1alpha1.FinalizerGrant}
		status.Conditions[0] = condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRevoking, "The Secret is deleted.")
		status.Conditions[1] = away
	}
	must(t, env.k8s.Create(ctx, grant))
	grant.Status = status
	must(t, env.k8s.Status().Update(ctx, grant))
	if cluster.Name == "santiago" {
		must(t, env.k8s.Delete(ctx, grant))
		t.Cleanup(func() {
			release := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
			must(t, env.k8s.Patch(ctx, grant, release))
		})
		return nil
	}
	return grant
}

func condition(of string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: of, Status: status, Reason: reason, Message: message, LastTransitionTime: fixture.Since}
}
