// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokes_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta/testrestmapper"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
	"github.com/capi-inventory/capi-inventory/internal/broker/remote"
	"github.com/capi-inventory/capi-inventory/test/fixture"
	"github.com/capi-inventory/capi-inventory/test/spokes"
)

// access is what the tests have the broker's own client grant.
var access = v1alpha1.ServiceAccountAccess{
	ClusterRoles: []string{"view"},
	Rules:        []v1alpha1.AccessRule{{Verbs: []string{"get"}, NonResourceURLs: []string{"/metrics"}}},
}

func start(t *testing.T, n int) *spokes.Server {
	t.Helper()
	server, err := spokes.Start(n, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "view"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// open returns the broker's connection to a spoke.
func open(t *testing.T, server *spokes.Server, n int) *remote.Spoke {
	t.Helper()
	kubeconfig := fixture.Kubeconfig(fmt.Sprintf("c%d", n), server.Config(n), "")
	spoke, err := remote.Open(kubeconfig, remote.Options{Timeout: time.Minute, AllowLocalServers: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(spoke.Close)
	return spoke
}

// namesOf returns the names of a grant of the nth spoke.
func namesOf(n int) grant.Names {
	return grant.NamesOf("hub", types.NamespacedName{Namespace: "fleet", Name: fmt.Sprintf("c%d", n)})
}

// TestServesTheBroker: each spoke takes what the broker sends for a grant, knows the tokens that it has issued and no others, and is as
// it was after the access is revoked.
func TestServesTheBroker(t *testing.T) {
	server := start(t, 3)
	former := "never-issued"
	for n := range 3 {
		spoke, names := open(t, server, n), namesOf(n)
		if err := spoke.Bind(t.Context(), names, access); err != nil {
			t.Fatal(err)
		}
		token, err := spoke.Issue(t.Context(), names, time.Hour, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := spoke.Prove(t.Context(), names, token.Value); err != nil {
			t.Error(err)
		}
		if err := spoke.Prove(t.Context(), names, former); err == nil {
			t.Error("the spoke accepts a token of another one")
		}
		checkObjects(t, server, n, 2)
		if err := spoke.Revoke(t.Context(), names); err != nil {
			t.Error(err)
		}
		checkObjects(t, server, n, 0)
		if err := spoke.Prove(t.Context(), names, token.Value); err == nil {
			t.Error("the spoke accepts a token of a ServiceAccount that is gone")
		}
		former = token.Value
	}
}

// checkObjects compares the number of bindings on a spoke, and whether the broker's namespace is there with them.
func checkObjects(t *testing.T, server *spokes.Server, n, bindings int) {
	t.Helper()
	admin := newClient(t, server.Config(n))
	var list rbacv1.ClusterRoleBindingList
	if err := admin.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != bindings {
		t.Errorf("spoke %d has %d ClusterRoleBindings, want %d", n, len(list.Items), bindings)
	}
	err := admin.Get(t.Context(), client.ObjectKey{Name: namesOf(n).Namespace}, &corev1.Namespace{})
	if apierrors.IsNotFound(err) != (bindings == 0) {
		t.Errorf("spoke %d: reading the namespace: %v", n, err)
	}
}

func newClient(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	// The spokes have no discovery.
	made, err := client.New(config, client.Options{Mapper: testrestmapper.TestOnlyStaticRESTMapper(scheme.Scheme)})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestCountsRequests: what a benchmark divides by the number of grants.
func TestCountsRequests(t *testing.T) {
	server := start(t, 2)
	if err := open(t, server, 1).Bind(t.Context(), namesOf(1), v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"view"}}); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"get namespaces": 1, "create namespaces": 1, "get serviceaccounts": 1, "create serviceaccounts": 1, "get clusterroles": 1,
		"create clusterrolebindings": 1,
		"list clusterrolebindings":   1, "list rolebindings": 1, "list clusterroles": 1,
	}
	if diff := cmp.Diff(want, server.Requests(1)); diff != "" {
		t.Errorf("the spoke has counted other requests (-want +got):\n%s", diff)
	}
	if got := server.Requests(0); len(got) > 0 {
		t.Errorf("the other spoke has counted %v", got)
	}
	if got := server.Connections(); got != 1 {
		t.Errorf("%d connections were counted, want 1", got)
	}
}

// TestHangs: a spoke that hangs takes a request and keeps it until the client gives up; the others answer.
func TestHangs(t *testing.T) {
	g, server := NewWithT(t), start(t, 2)
	server.Hang(func(spoke int) bool { return spoke == 1 })
	if err := open(t, server, 0).Bind(t.Context(), namesOf(0), access); err != nil {
		t.Error(err)
	}
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	done := make(chan error, 1)
	go func() {
		done <- newClient(t, server.Config(1)).Get(ctx, client.ObjectKey{Name: "view"}, &rbacv1.ClusterRole{})
	}()
	g.Eventually(func() map[string]int { return server.Requests(1) }, time.Minute).Should(HaveKey("get clusterroles"))
	g.Consistently(done, 500*time.Millisecond).ShouldNot(Receive(), "the spoke has answered")
	giveUp()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the client's own error", err)
	}
	server.Hang(func(int) bool { return false })
	if err := open(t, server, 1).Bind(t.Context(), namesOf(1), access); err != nil {
		t.Errorf("the spoke does not answer again: %v", err)
	}
}

// TestRefuses: what an API server refuses whatever the object is.
func TestRefuses(t *testing.T) {
	server := start(t, 1)
	admin := newClient(t, server.Config(0))
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "absent", Name: "a"}}
	if err := admin.Create(t.Context(), account); !apierrors.IsNotFound(err) {
		t.Errorf("creating in a namespace that does not exist: %v", err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "present"}}
	if err := admin.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	again := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "present"}}
	if err := admin.Create(t.Context(), again); !apierrors.IsAlreadyExists(err) {
		t.Errorf("creating what exists: %v", err)
	}
	stale := namespace.DeepCopy()
	namespace.Labels = map[string]string{"example.com/changed": "true"}
	if err := admin.Update(t.Context(), namespace); err != nil {
		t.Error(err)
	}
	if err := admin.Update(t.Context(), stale); !apierrors.IsConflict(err) {
		t.Errorf("updating a stale object: %v", err)
	}
	version := stale.ResourceVersion
	if err := admin.Delete(t.Context(), stale, client.Preconditions{ResourceVersion: &version}); !apierrors.IsConflict(err) {
		t.Errorf("deleting a stale object: %v", err)
	}
	config := server.Config(0)
	config.CertData, config.KeyData = nil, nil
	if err := newClient(t, config).Get(t.Context(), client.ObjectKeyFromObject(namespace), namespace); !apierrors.IsUnauthorized(err) {
		t.Errorf("reading without credentials: %v", err)
	}
}
