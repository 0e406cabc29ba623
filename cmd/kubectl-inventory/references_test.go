// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestForeignReferences: a tenant may write profiles in one namespace, and an administrator with rights to all Secrets checks them.
// The credentials of london must be sent to london only.
func TestForeignReferences(t *testing.T) {
	london := &inventoryv1alpha1.ClusterProfile{}
	must(t, env.k8s.Get(t.Context(), client.ObjectKey{Namespace: "argocd", Name: "team-a--london"}, london))
	must(t, env.k8s.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "tenant"}}))
	t.Cleanup(func() {
		must(t, env.k8s.DeleteAllOf(context.WithoutCancel(t.Context()), &inventoryv1alpha1.ClusterProfile{}, client.InNamespace("tenant")))
	})
	second := fixture.Cluster("team-a", "london-2")
	must(t, env.k8s.Create(t.Context(), second))
	t.Cleanup(func() { must(t, env.k8s.Delete(context.WithoutCancel(t.Context()), second)) })
	elsewhere, err := env.spoke.Forward()
	must(t, err)
	t.Cleanup(func() { _ = elsewhere.Close() })
	server := london.Status.AccessProviders[0].Cluster.Server
	cases := map[string]struct {
		why       string
		labels    map[string]string
		server    string
		proxy     string
		reference string
		permitted bool
		secret    string
	}{
		"forged": {
			why:       "the labels of london, and a server of the tenant",
			labels:    london.Labels,
			server:    elsewhere.URL(),
			reference: `{"name": "london-kubeconfig", "key": "value", "namespace": "team-a"}`,
			secret:    "team-a/london-kubeconfig",
		},
		"proxy": {
			why:       "london's server, through a proxy of the tenant",
			labels:    london.Labels,
			server:    server,
			proxy:     strings.Replace(elsewhere.URL(), "https://", "http://user:password@", 1),
			reference: `{"name": "london-kubeconfig", "key": "value", "namespace": "team-a"}`,
			secret:    "team-a/london-kubeconfig",
		},
		"plain": {
			why:       "without labels",
			server:    server,
			reference: `{"name": "london-kubeconfig", "key": "value", "namespace": "team-a"}`,
			secret:    "team-a/london-kubeconfig",
		},
		"third": {
			why:       "another namespace than london's",
			labels:    london.Labels,
			server:    server,
			reference: `{"name": "oslo-kubeconfig", "key": "value", "namespace": "team-b"}`,
			secret:    "team-b/oslo-kubeconfig",
		},
		"other": {
			why:       "the Secret of another Cluster in london's namespace",
			labels:    london.Labels,
			server:    server,
			reference: `{"name": "paris-kubeconfig", "key": "value", "namespace": "team-a"}`,
			secret:    "team-a/paris-kubeconfig",
		},
		"longer": {
			why:       "the Secret of another Cluster in london's namespace, whose name begins with london's",
			labels:    london.Labels,
			server:    server,
			reference: `{"name": "london-2-kubeconfig", "key": "value", "namespace": "team-a"}`,
			secret:    "team-a/london-2-kubeconfig",
		},
		"default": {
			why:       "no namespace, so that the plugin uses its own",
			labels:    london.Labels,
			server:    server,
			reference: `{"name": "london-kubeconfig", "key": "value"}`,
			secret:    "default/london-kubeconfig",
		},
		"true": {
			why:       "as the publisher publishes into another namespace",
			labels:    london.Labels,
			server:    server,
			reference: `{"name": "london-kubeconfig", "key": "value", "namespace": "team-a"}`,
			permitted: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			profile := &inventoryv1alpha1.ClusterProfile{
				ObjectMeta: metav1.ObjectMeta{Namespace: "tenant", Name: name, Labels: tc.labels},
				Spec:       london.Spec,
			}
			must(t, env.k8s.Create(t.Context(), profile))
			profile.Status = london.Status
			profile.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{
				{Name: "kubeconfig-secretreader", Cluster: clientcmdv1.Cluster{
					Server: tc.server, ProxyURL: tc.proxy, CertificateAuthorityData: env.spoke.CertificateAuthority(),
					Extensions: []clientcmdv1.NamedExtension{
						{Name: "client.authentication.k8s.io/exec", Extension: runtime.RawExtension{Raw: []byte(tc.reference)}},
					},
				}},
			}
			must(t, env.k8s.Status().Update(t.Context(), profile))

			file := []string{"--clusterprofile-provider-file", in("providers.json"), "--allow-local-servers", "-n", "tenant", name}
			got := plugin(t, in("hub.kubeconfig"), append([]string{"check"}, file...)...)
			if tc.permitted {
				if got.code != 0 || got.err != "" {
					t.Errorf("%s: %s%s", tc.why, got.out, got.err)
				}
				return
			}
			namespace, _, _ := strings.Cut(tc.secret, "/")
			refusal := fmt.Sprintf("The profile refers to a Secret in the namespace %q, which is not its own; --reference-namespaces "+
				"permits it", namespace)
			if got.code != exitUnsatisfied || !strings.Contains(got.out,
				"ReferenceNotPermitted") || !strings.Contains(got.out, "access failed") || !strings.Contains(got.out, refusal) {
				t.Errorf("%s: check: exit code %d:\n%s%s", tc.why, got.code, got.out, got.err)
			}
			for _, how := range [][]string{nil, {"--embed"}} {
				to := filepath.Join(t.TempDir(), "spokes")
				got := plugin(t, in("hub.kubeconfig"), append(append([]string{"kubeconfig", "--to", to}, how...), file...)...)
				if got.code != exitError || !strings.Contains(got.err, "left out: tenant/"+name+": ReferenceNotPermitted: "+refusal) {
					t.Errorf("%s: kubeconfig %v: exit code %d:\n%s", tc.why, how, got.code, got.err)
				}
			}
			got = plugin(t, in("hub.kubeconfig"), append([]string{"check", "--reference-namespaces", "default," + namespace}, file...)...)
			through := ""
			if tc.proxy != "" {
				through = " through the proxy " + strings.TrimPrefix(tc.proxy, "http://user:password@")
			}
			if want := fmt.Sprintf("Warning: tenant/%s refers to the Secret %s, whose credentials are sent to "+
				"%s%s\n", name, tc.secret, tc.server, through); got.err != want {
				t.Errorf("%s: a reference that a flag permits needs a warning: got %q, want %q", tc.why, got.err, want)
			}
			if strings.Contains(got.out, "ReferenceNotPermitted") {
				t.Errorf("%s: the flag has no effect:\n%s", tc.why, got.out)
			}
		})
	}
	if got := plugin(t, in("hub.kubeconfig"), "check", "--reference-namespaces", "a_b", "--clusterprofile-provider-file",
		in("providers.json")); got.code != exitError || got.err != "error: --reference-namespaces: \"a_b\" is neither a valid namespace "+
		"nor *\n" {
		t.Errorf("exit code %d: %s", got.code, got.err)
	}
}

// endpointOfSpoke returns the endpoint of the spoke as in a Cluster.
func endpointOfSpoke() (clusterv1.APIEndpoint, error) {
	host, port, _ := strings.Cut(env.spoke.Address(), ":")
	number, err := strconv.ParseInt(port, 10, 32)
	return clusterv1.APIEndpoint{Host: host, Port: int32(number)}, err
}
