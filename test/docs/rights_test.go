// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

// startSpoke runs a spoke. An API server alone aggregates no ClusterRoles, so the test does that for view, of which a recipe makes use.
func startSpoke(t *testing.T) *apiserver.Server {
	t.Helper()
	server := apiserver.StartFor(t)
	k8s, err := client.New(server.Config(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var view rbacv1.ClusterRole
	if err := k8s.Get(t.Context(), client.ObjectKey{Name: "view"}, &view); err != nil {
		t.Fatal(err)
	}
	for _, labels := range view.AggregationRule.ClusterRoleSelectors {
		selector, err := metav1.LabelSelectorAsSelector(&labels)
		if err != nil {
			t.Fatal(err)
		}
		var parts rbacv1.ClusterRoleList
		if err := k8s.List(t.Context(), &parts, client.MatchingLabelsSelector{Selector: selector}); err != nil {
			t.Fatal(err)
		}
		for _, part := range parts.Items {
			view.Rules = append(view.Rules, part.Rules...)
		}
	}
	if err := k8s.Update(t.Context(), &view); err != nil {
		t.Fatal(err)
	}
	return server
}

// credentials: the profile leads the plugin to a Secret of the broker's beside it, the consumer may get that, and its kubeconfig can on
// the spoke what the recipe says.
func (r recipe) credentials(t *testing.T, h hub, profile *inventoryv1alpha1.ClusterProfile) {
	t.Helper()
	provider := profile.Status.AccessProviders[0]
	var got map[string]string
	if err := json.Unmarshal(provider.Cluster.Extensions[0].Extension.Raw, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"namespace": r.at, "name": profile.Name + "." + provider.Name + ".access", "key": "value"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the profile refers to another Secret: -want +got:\n%s", diff)
	}
	var secret corev1.Secret
	if err := r.onHub(t, h).Get(t.Context(), client.ObjectKey{Namespace: r.at, Name: got["name"]}, &secret); err != nil {
		t.Fatalf("the consumer does not get its credentials: %v", err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(secret.Data[got["key"]])
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != provider.Cluster.Server || config.CertData != nil {
		t.Errorf("the kubeconfig is of %s, and the profile of %s", config.Host, provider.Cluster.Server)
	}
	r.onSpoke(t, config)
}

// onHub is the hub as the consumer sees it; as the administrator does, where the recipe gives the consumer no rights.
func (r recipe) onHub(t *testing.T, h hub) client.Client {
	t.Helper()
	config := h.Config()
	if r.account != "" {
		config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + r.account}
	}
	k8s, err := client.New(config, client.Options{Scheme: newScheme()})
	if err != nil {
		t.Fatal(err)
	}
	return k8s
}

// onSpoke: the user is a ServiceAccount of this recipe, with the rights that it needs and none that it does not.
func (r recipe) onSpoke(t *testing.T, config *rest.Config) {
	t.Helper()
	k8s, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var who authenticationv1.SelfSubjectReview
	if err := k8s.Create(t.Context(), &who); err != nil {
		t.Fatal(err)
	}
	if user := who.Status.UserInfo.Username; !strings.HasPrefix(user, "system:serviceaccount:capi-inventory-") ||
		!strings.Contains(user, ":"+r.at+".team-a--london.") {
		t.Errorf("on the spoke it is %s", user)
	}
	can := func(attributes authorizationv1.ResourceAttributes) bool {
		review := &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &attributes},
		}
		if err := k8s.Create(t.Context(), review); err != nil {
			t.Fatal(err)
		}
		return review.Status.Allowed
	}
	for _, attributes := range r.may {
		// The bindings were made just now, and the API server's authorizer has a cache.
		NewWithT(t).Eventually(func() bool { return can(attributes) }).WithTimeout(time.Minute).
			Should(BeTrue(), "it may not %s on the spoke", attributes)
	}
	for _, attributes := range r.mayNot {
		if can(attributes) {
			t.Errorf("it may %s on the spoke", attributes)
		}
	}
}

// rights: the ServiceAccount may do on the hub what the consumer must, and nothing beside that is worth having.
func (r recipe) rights(t *testing.T, h hub) {
	t.Helper()
	profiles := func(verb string) authorizationv1.ResourceAttributes {
		return authorizationv1.ResourceAttributes{Namespace: r.at, Verb: verb, Group: "multicluster.x-k8s.io", Resource: "clusterprofiles"}
	}
	secrets := func(verb, namespace, name string) authorizationv1.ResourceAttributes {
		return authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Resource: "secrets", Name: name}
	}
	mayWriteStatus := profiles("patch")
	mayWriteStatus.Subresource = "status"
	const own = "team-a--london.kubeconfig-secretreader.access"
	for _, tc := range []struct {
		attributes authorizationv1.ResourceAttributes
		want       bool
	}{
		{profiles("get"), true}, {profiles("list"), true}, {profiles("watch"), true},
		{secrets("get", r.at, own), true}, {secrets("get", r.at, "team-a--paris.kubeconfig-secretreader.access"), true},
		{secrets("list", r.at, ""), r.everySecret}, {secrets("watch", r.at, ""), r.everySecret},
		{secrets("get", "team-a", "london-kubeconfig"), r.everySecret}, {secrets("list", "team-a", ""), r.everySecret},
		{secrets("update", "team-a", "london-kubeconfig"), false}, {secrets("patch", r.at, own), false},
		{profiles("delete"), false}, {profiles("create"), false}, {mayWriteStatus, false},
	} {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: "system:serviceaccount:" + r.account, ResourceAttributes: &tc.attributes,
		}}
		if err := h.k8s.Create(t.Context(), review); err != nil {
			t.Fatal(err)
		}
		if review.Status.Allowed != tc.want {
			t.Errorf("%s may %s: %t, want %t", r.account, tc.attributes, review.Status.Allowed, tc.want)
		}
	}
}
