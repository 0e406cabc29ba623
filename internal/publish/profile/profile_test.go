// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/yaml"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// TestGolden renders whole profiles: testdata shows what the publisher publishes.
func TestGolden(t *testing.T) {
	for name, tc := range map[string]struct {
		spec  v1alpha1.InventorySpec
		facts profile.Facts
	}{
		"beside-its-cluster": {facts: facts(fixture.Cluster("team-a", "c1", fixture.UID("uid-1"), fixture.Provisioned("v1.36.3")))},
		"for-argo-cd": {
			spec: v1alpha1.InventorySpec{
				Namespace:   "argocd",
				ClusterSet:  "prod",
				Labels:      v1alpha1.Propagation{Include: []string{"env", "*.example.com/*"}, Exclude: []string{"secret.example.com/*"}},
				Annotations: v1alpha1.Propagation{Include: []string{"example.com/owner"}},
				Properties: []v1alpha1.PropertyExpression{
					{Name: "region.example.com", Expression: "cluster.metadata.labels['region.example.com/name']"},
					{Name: "account.example.com", Expression: "infrastructure.spec.account"},
				},
				AccessProviders: []v1alpha1.AccessProvider{
					{Name: "kubeconfig-secretreader", KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{}},
					{Name: "my-proxy", Exec: &v1alpha1.ExecAccess{
						Server:    "'https://proxy.hub.example.com:9092/' + cluster.metadata.name",
						Extension: map[string]v1alpha1.Expression{"clusterName": "cluster.metadata.name", "zones": "[1, 2]"},
					}},
				},
			},
			facts: facts(fixture.Cluster("team-a", "c1", fixture.UID("uid-1"), fixture.Provisioned("v1.36.3"),
				fixture.Labels(map[string]string{
					"env": "prod", "region.example.com/name": "eu-1", "secret.example.com/x": "y", "headlamp.dev/ignore": "true",
					"argocd.argoproj.io/secret-type": "cluster", "topology.kubernetes.io/zone": "a", "other": "stays",
				}),
				fixture.Annotations(map[string]string{
					"example.com/owner":               "alice",
					"capi-inventory.dev/display-name": "Production, Europe",
				}))),
		},
		"upgrading": {
			facts: facts(fixture.Cluster("team-a", "c1", fixture.UID("uid-1"), fixture.Provisioned(""), fixture.Versions("v1.36.3",
				"v1.35.9"))),
		},
		"not-provisioned": {facts: profile.Facts{
			Cluster: fixture.Cluster("team-a", "c1", fixture.UID("uid-1")),
			Kubeconfigs: map[profile.SecretKey]profile.Kubeconfig{{Name: "c1-kubeconfig", Key: "value"}: {
				Rejected: &endpoint.RejectedError{Reason: profile.SecretNotFound, Message: "there is no such Secret"},
			}},
		}},
		"cut-off": {facts: facts(fixture.Cluster("team-a", "c1", fixture.UID("uid-1"), fixture.Provisioned("v1.36.3"),
			fixture.Condition(clusterv1.ClusterRemoteConnectionProbeCondition, metav1.ConditionFalse)))},
	} {
		t.Run(name, func(t *testing.T) {
			tc.facts.Manager, tc.facts.Now = "cluster-api", now
			got := render(t, compile(t, tc.spec), tc.facts)
			file := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("-want +got (run with -update where the change is meant):\n%s", diff)
			}
		})
	}
}

// TestSameFactsSameBytes shuffles everything that has no order of its own.
func TestSameFactsSameBytes(t *testing.T) {
	inventory := compile(t, v1alpha1.InventorySpec{
		Labels: v1alpha1.Propagation{Include: []string{"*"}}, Annotations: v1alpha1.Propagation{Include: []string{"*"}},
		Properties: []v1alpha1.PropertyExpression{{Name: "b.example.com", Expression: "'b'"}, {Name: "a.example.com", Expression: "'a'"}},
		AccessProviders: []v1alpha1.AccessProvider{{Name: "x", Exec: &v1alpha1.ExecAccess{
			Server: "'https://a:1'", Extension: map[string]v1alpha1.Expression{"b": "'1'", "a": "{'d': 1, 'c': 2}", "c": "[3]"},
		}}},
	})
	var want []byte
	for seed := range int64(50) {
		random := rand.New(rand.NewSource(seed))
		cluster := fixture.Cluster("team-a", "c1", fixture.UID("uid-1"), fixture.Provisioned("v1.36.3"))
		for _, i := range random.Perm(20) {
			fixture.Labels(map[string]string{fmt.Sprintf("key-%d", i): "v"})(cluster)
			fixture.Annotations(map[string]string{fmt.Sprintf("key-%d", i): "v"})(cluster)
		}
		random.Shuffle(len(cluster.Status.Conditions), func(i, j int) {
			c := cluster.Status.Conditions
			c[i], c[j] = c[j], c[i]
		})
		f := facts(cluster)
		f.Manager, f.Now = "cluster-api", now
		got := render(t, inventory, f)
		if want == nil {
			want = got
		}
		if !bytes.Equal(want, got) {
			t.Fatalf("another order of the same facts gave other bytes:\n%s", cmp.Diff(string(want), string(got)))
		}
	}
}

func TestKubernetesVersion(t *testing.T) {
	object := func(status map[string]any) map[string]any { return map[string]any{"status": status} }
	versions := func(vs ...string) []any {
		var out []any
		for _, v := range vs {
			out = append(out, map[string]any{"version": v})
		}
		return out
	}
	settled := []fixture.ClusterOption{
		fixture.Condition(clusterv1.ClusterTopologyReconciledCondition, metav1.ConditionTrue), initialized, topology("v1.37.0"),
	}
	for name, tc := range map[string]struct {
		why          string
		options      []fixture.ClusterOption
		controlPlane map[string]any
		want         string
	}{
		"Unknown": {why: "none has been reported"},
		"ClusterStatus": {
			why:          "Cluster API 1.14 aggregates it",
			options:      []fixture.ClusterOption{fixture.Versions("v1.36.3")},
			controlPlane: object(map[string]any{"version": "v1.35.0"}),
			want:         "v1.36.3",
		},
		"Upgrading": {
			why:     "clients can rely on the lowest, in whatever order they come",
			options: []fixture.ClusterOption{fixture.Versions("v1.37.0", "v1.36.10", "v1.36.9")},
			want:    "v1.36.9",
		},
		"Versions": {
			why:          "the contract since 1.14",
			controlPlane: object(map[string]any{"versions": versions("v1.36.1", "v1.36.0"), "version": "v1.30.0"}),
			want:         "v1.36.0",
		},
		"Version": {
			why:          "what most providers report",
			controlPlane: object(map[string]any{"version": "v1.36.2+k0s.0"}),
			want:         "v1.36.2+k0s.0",
		},
		"Garbage": {why: "what is not a version is not published", controlPlane: object(map[string]any{"version": "latest"})},
		"OddTypes": {
			why:          "a provider's object may hold anything",
			controlPlane: object(map[string]any{"versions": "v1", "version": int64(1)}),
		},
		"Topology": {why: "what is wanted is what runs, when nothing is rolling out", options: settled, want: "v1.37.0"},
		"TopologyUpgrading": {
			why:     "what is wanted flips at once; the machines take a minute",
			options: append(slices.Clone(settled), fixture.Condition(clusterv1.ClusterRollingOutCondition, metav1.ConditionTrue)),
		},
		"TopologyPending": {
			why:     "as above",
			options: append(slices.Clone(settled), fixture.Condition(clusterv1.ClusterTopologyReconciledCondition, metav1.ConditionFalse)),
		},
		"ReportedOverWanted": {
			why:          "what runs beats what is wanted",
			options:      settled,
			controlPlane: object(map[string]any{"version": "v1.36.0"}),
			want:         "v1.36.0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts(fixture.Cluster("a", "c1", tc.options...))
			f.ControlPlane = tc.controlPlane
			got := ""
			if v := status(t, f).Version; v != nil {
				got = *v.Kubernetes
			}
			if got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}

// initialized is a Cluster whose control plane has come up once.
func initialized(cluster *clusterv1.Cluster) {
	cluster.Status.Initialization.ControlPlaneInitialized = ptr.To(true)
}

// standalone is a Cluster of Machines alone, without a control plane object.
func standalone(cluster *clusterv1.Cluster) {
	cluster.Spec.ControlPlaneRef = clusterv1.ContractVersionedObjectReference{}
}

func topology(version string) fixture.ClusterOption {
	return func(cluster *clusterv1.Cluster) { cluster.Spec.Topology.Version = version }
}

func without(conditionType string) fixture.ClusterOption {
	return func(cluster *clusterv1.Cluster) {
		cluster.Status.Conditions = slices.DeleteFunc(
			cluster.Status.Conditions,
			func(c metav1.Condition) bool { return c.Type == conditionType },
		)
	}
}

// facts are those about a Cluster with a good kubeconfig.
func facts(cluster *clusterv1.Cluster) profile.Facts {
	return profile.Facts{
		Manager: "cluster-api",
		Cluster: cluster,
		Kubeconfigs: map[profile.SecretKey]profile.Kubeconfig{{Name: cluster.Name + "-kubeconfig", Key: "value"}: {
			Endpoint: endpoint.Endpoint{Server: "https://10.0.0.1:6443", CertificateAuthorityData: []byte("PEM")},
		}},
		Now: now,
	}
}

func compile(t *testing.T, spec v1alpha1.InventorySpec) *profile.Inventory {
	t.Helper()
	inventory, err := compileError(t, spec)
	if err != nil {
		t.Fatal(err)
	}
	return inventory
}

func compileError(t *testing.T, spec v1alpha1.InventorySpec) (*profile.Inventory, error) {
	t.Helper()
	compiler, err := cel.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	return profile.Compile(compiler, &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "default"}, Spec: spec})
}

func status(t *testing.T, f profile.Facts) *inventoryac.ClusterProfileStatusApplyConfiguration {
	t.Helper()
	out, _ := compile(t, v1alpha1.InventorySpec{}).Status(f, 1)
	return out.Status
}

func condition(t *testing.T, status *inventoryac.ClusterProfileStatusApplyConfiguration, conditionType string) metav1.Condition {
	t.Helper()
	for _, c := range status.Conditions {
		if *c.Type == conditionType {
			return metav1.Condition{
				Type:               *c.Type,
				Status:             *c.Status,
				Reason:             *c.Reason,
				Message:            *c.Message,
				LastTransitionTime: *c.LastTransitionTime,
			}
		}
	}
	t.Fatalf("there is no condition %s", conditionType)
	return metav1.Condition{}
}

// render is a profile and its status in one document, and the problems after it.
func render(t *testing.T, inventory *profile.Inventory, f profile.Facts) []byte {
	t.Helper()
	whole, problems := inventory.Profile(f)
	part, more := inventory.Status(f, 1)
	whole.WithStatus(part.Status)
	raw, err := yaml.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range append(problems, more...) {
		raw = fmt.Appendf(raw, "# problem %s: %s\n", p.Reason, p.Message)
	}
	return raw
}
