// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/assets"
)

var spoke *apiserver.Server

func TestMain(m *testing.M) {
	var err error
	if spoke, err = apiserver.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code, err := runTrusting(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if err := spoke.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func newProber() *probe.Prober {
	return &probe.Prober{Timeout: 10 * time.Second, AllowLocalServers: true, UserAgent: "test"}
}

// TestProbeOfRealAPIServer probes a real API server; failures are in TestConnectionFailuresAreExplained.
func TestProbeOfRealAPIServer(t *testing.T) {
	alice, err := spoke.As("alice", "developers")
	if err != nil {
		t.Fatal(err)
	}
	system, err := kubernetes.NewForConfigOrDie(spoke.Config()).CoreV1().Namespaces().Get(t.Context(), "kube-system", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	list, create := probe.Permission{Verb: "list", Resource: "pods"}, probe.Permission{
		Verb:     "create",
		Group:    "apps",
		Resource: "deployments",
	}
	const otherID = "00000000-0000-0000-0000-000000000000"
	cases := map[string]struct {
		why         string
		config      *rest.Config
		change      func(*rest.Config)
		clusterID   string
		permissions []probe.Permission
		want        probe.Result
	}{
		"Reachable": {why: "the good case", config: spoke.Config(), clusterID: string(system.UID), permissions: []probe.Permission{
			list, create,
		},
			want: probe.Result{Version: assets.KubernetesVersion, User: "admin", ClusterID: string(system.UID)}},
		"WithoutRights": {
			why:       "who may do nothing is still known, which is all that is asked",
			config:    alice,
			clusterID: otherID,
			want:      probe.Result{Version: assets.KubernetesVersion, User: "alice"},
		},
		"RefusedToken": {
			why:    "a token of another cluster, or one that was revoked",
			config: spoke.Config(),
			change: func(c *rest.Config) { c.CertData, c.KeyData, c.BearerToken = nil, nil, "no" },
			want: probe.Result{
				Failure: &failure.Error{
					Reason:  v1alpha1.ReasonUnauthorized,
					Message: "The spoke refuses the credentials (401): they have expired, were revoked, or belong to another cluster",
				},
			},
		},
		"Anonymous": {
			why:    "a proxy before the spoke has eaten the credentials",
			config: spoke.Config(),
			change: func(c *rest.Config) { c.CertData, c.KeyData = nil, nil },
			want: probe.Result{
				Failure: &failure.Error{
					Reason:  v1alpha1.ReasonUnauthorized,
					Message: "The spoke sees an anonymous request: it, or a proxy before it, ignores the credentials",
				},
				Version: assets.KubernetesVersion,
			},
		},
		"Forbidden": {
			why:    "a consumer that will fail at its first write wants to know now",
			config: alice,
			permissions: []probe.Permission{
				list, create,
			},
			want: probe.Result{
				Failure: &failure.Error{
					Reason:  v1alpha1.ReasonForbidden,
					Message: "The user alice may not list pods, create deployments.apps",
				},
				Version: assets.KubernetesVersion,
				User:    "alice",
			},
		},
		"OtherUID": {
			why:       "an address that was given to another cluster, or a manager that means another UID",
			config:    spoke.Config(),
			clusterID: otherID,
			want: probe.Result{
				Doubt: &failure.Error{
					Reason:  v1alpha1.ReasonWrongCluster,
					Message: "The server belongs to the cluster " + string(system.UID) + ", and the profile identifies " + otherID,
				},
				Version:   assets.KubernetesVersion,
				User:      "admin",
				ClusterID: string(system.UID),
			},
		},
		"OtherKindOfID": {
			why:       "KEP-2149 lets a cluster manager identify members by something else",
			config:    spoke.Config(),
			clusterID: "projects/p/locations/l/memberships/m",
			want:      probe.Result{Version: assets.KubernetesVersion, User: "admin"},
		},
		"ServerName": {
			why:    "the certificate is checked against the name that is asked for",
			config: spoke.Config(),
			change: func(c *rest.Config) { c.ServerName = "elsewhere" },
			want:   probe.Result{Failure: &failure.Error{Reason: v1alpha1.ReasonTLSFailed}},
		},
		"InvalidCA": {
			why:    "client-go's refusal must have a reason",
			config: spoke.Config(),
			change: func(c *rest.Config) { c.CAData = []byte("no") },
			want:   probe.Result{Failure: &failure.Error{Reason: v1alpha1.ReasonInvalidAccess}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			config := rest.CopyConfig(tc.config)
			if tc.change != nil {
				tc.change(config)
			}
			prober := newProber()
			prober.Permissions = tc.permissions
			got := prober.Probe(t.Context(), config, tc.clusterID)
			ignore := []cmp.Option{cmpopts.IgnoreFields(probe.Result{}, "Steps", "Expirations")}
			if tc.want.Failure != nil && tc.want.Failure.Message == "" {
				ignore = append(ignore, cmpopts.IgnoreFields(failure.Error{}, "Message"))
			}
			if diff := cmp.Diff(tc.want, got, ignore...); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// TestStepsAreOrdered: the steps of the metric, in order.
func TestStepsAreOrdered(t *testing.T) {
	prober := newProber()
	prober.Permissions = []probe.Permission{{Verb: "get", Resource: "pods"}}
	config := spoke.Config()
	var got []string
	for _, step := range prober.Probe(t.Context(), config, "00000000-0000-0000-0000-000000000000").Steps {
		if step.Took <= 0 {
			t.Errorf("%s took no time", step.Name)
		}
		got = append(got, step.Name)
	}
	want := []string{"connect", "tls", "readyz", "version", "whoami", "permissions", "identity"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// BenchmarkProbe is the cost of one probe of a real API server, without the plugin.
func BenchmarkProbe(b *testing.B) {
	prober, config := newProber(), spoke.Config()
	b.ReportAllocs()
	for b.Loop() {
		if seen := prober.Probe(b.Context(), config, ""); seen.Failure != nil {
			b.Fatal(seen.Failure)
		}
	}
}
