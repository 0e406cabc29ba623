// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// env is what the tests of this package share: a hub with two Inventories and several Clusters, and a spoke. Its objects are never
// changed; a test that changes objects creates its own.
var env struct {
	hub, spoke *apiserver.Server
	k8s        client.Client
	// dir contains the kubeconfigs of hub and spoke, a provider file, and upstream's plugin.
	dir string
}

// later is the current time of the tests: all objects are three days old.
func later() time.Time { return time.Now().Add(72*time.Hour + time.Minute) }

// asProgram is set if the test binary runs as the plugin, so that a test can send it signals.
const asProgram = "KUBECTL_INVENTORY_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(start())
	}
	flag.Parse()
	code, err := runInEnv(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runInEnv(m *testing.M) (code int, err error) {
	if env.hub, err = apiserver.StartHub(); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, env.hub.Stop()) }()
	if env.spoke, err = apiserver.Start(); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, env.spoke.Stop()) }()
	if env.dir, err = os.MkdirTemp("", "kubectl-inventory-test-"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(env.dir)) }()
	if env.k8s, err = client.New(env.hub.Config(), client.Options{Scheme: newScheme(env.hub.Config())}); err != nil {
		return 1, err
	}
	if err := errors.Join(writeFiles(), populate(context.Background())); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// writeFiles writes the files that a user has.
func writeFiles() error {
	build := exec.Command("go", "build", "-o", filepath.Join(env.dir, "kubeconfig-secretreader"),
		"sigs.k8s.io/cluster-inventory-api/plugins/kubeconfig-secretreader/cmd/plugin")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the plugin: %w\n%s", err, out)
	}
	return errors.Join(
		os.WriteFile(in("hub.kubeconfig"), fixture.Kubeconfig("hub", env.hub.Config(), ""), 0o600),
		os.WriteFile(in("spoke.kubeconfig"), fixture.Kubeconfig("spoke", env.spoke.Config(), ""), 0o600),
		os.WriteFile(in("providers.json"), fmt.Appendf(nil, `{"providers": [{"name": "kubeconfig-secretreader", "execConfig": {
			"apiVersion": "client.authentication.k8s.io/v1", "command": %q, "provideClusterInfo": true}}]}`,
			in("kubeconfig-secretreader")), 0o600))
}

// in returns the path of a file in env.dir.
func in(name string) string { return filepath.Join(env.dir, name) }

// populate fills the hub.
func populate(ctx context.Context) error {
	for _, namespace := range []string{"team-a", "team-b", "argocd", "empty", "cluster-inventory"} {
		if err := env.k8s.Create(ctx, &corev1.Namespace{
			ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{"team": namespace}},
		}); err != nil {
			return err
		}
	}
	everything, err := inventory(ctx, "default", v1alpha1.InventorySpec{
		NamespaceSelector: metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: "team", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"team-b"}},
			},
		},
		Labels:     v1alpha1.Propagation{Include: []string{"env"}},
		Properties: []v1alpha1.PropertyExpression{{Name: "region.example.com", Expression: "cluster.metadata.labels['region']"}},
	})
	if err != nil {
		return err
	}
	production, err := inventory(ctx, "production", v1alpha1.InventorySpec{
		Namespace: "argocd", ClusterSet: "prod", ClusterSelector: metav1.LabelSelector{MatchLabels: map[string]string{"env": "prod"}},
	})
	if err != nil {
		return err
	}
	dead, err := env.spoke.Forward()
	if err != nil {
		return err
	}
	defer dead.Close() // before a client dials it
	labels := fixture.Labels(map[string]string{"env": "prod", "region": "eu"})
	london := fixture.Cluster("team-a", "london", fixture.Provisioned("v1.36.3"), labels)
	paris := fixture.Cluster("team-a", "paris", fixture.Provisioned("v1.35.1"),
		fixture.Condition(clusterv1.ClusterRemoteConnectionProbeCondition, metav1.ConditionFalse), fixture.Labels(map[string]string{
			"env": "test",
		}))
	err = errors.Join(
		member(ctx, london, "", everything, production),
		member(ctx, paris, dead.URL(), everything),
		member(ctx, fixture.Cluster("team-a", "rome", fixture.Labels(map[string]string{v1alpha1.LabelPublish: "false"})), ""),
		member(ctx, fixture.Cluster("team-b", "oslo", fixture.Paused), ""),
		member(ctx, fixture.Cluster("team-a", "berlin", fixture.Labels(map[string]string{"env": "prod"})), ""),
		foreign(ctx),
		check(ctx, "london", metav1.ConditionTrue, v1alpha1.ReasonReachable, "The spoke is ready and accepts the published access"),
		check(ctx, "paris", metav1.ConditionFalse, v1alpha1.ReasonConnectFailed, "The server refuses connections: nothing listens there"),
	)
	if err != nil {
		return err
	}
	return report(ctx)
}

// inventory creates an Inventory, and compiles it.
func inventory(ctx context.Context, name string, spec v1alpha1.InventorySpec) (*profile.Inventory, error) {
	source := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	if err := env.k8s.Create(ctx, source); err != nil {
		return nil, err
	}
	compiler, err := cel.NewCompiler()
	if err != nil {
		return nil, err
	}
	return profile.Compile(compiler, source)
}

// member creates a Cluster with a kubeconfig of the spoke, with the server if it is not empty, and publishes it as the publisher does.
func member(ctx context.Context, cluster *clusterv1.Cluster, server string, inventories ...*profile.Inventory) error {
	raw := fixture.Kubeconfig(cluster.Name, env.spoke.Config(), server)
	parsed, err := endpoint.Parse(raw)
	if err != nil {
		return err
	}
	status := cluster.Status
	if cluster.Spec.ControlPlaneEndpoint, err = endpointOfSpoke(); err != nil {
		return err
	}
	if err := env.k8s.Create(ctx, cluster); err != nil {
		return err
	}
	cluster.Status = status
	if err := errors.Join(env.k8s.Status().Update(ctx, cluster),
		env.k8s.Create(ctx, fixture.KubeconfigSecret(cluster.Namespace, cluster.Name, raw))); err != nil {
		return err
	}
	for _, inventory := range inventories {
		if err := publish(ctx, inventory, cluster, parsed); err != nil {
			return err
		}
	}
	return nil
}

// publish publishes a Cluster with an endpoint and its AccessGrants as the publisher does.
func publish(
	ctx context.Context, inventory *profile.Inventory, cluster *clusterv1.Cluster, at endpoint.Endpoint, grants ...*v1alpha1.AccessGrant,
) error {
	facts := profile.Facts{
		Manager: "cluster-api",
		Cluster: cluster,
		Now:     fixture.Since.Time,
		Kubeconfigs: map[profile.SecretKey]profile.Kubeconfig{
			{Name: cluster.Name + "-kubeconfig", Key: "value"}: {Endpoint: at},
		},
		Grants: grants,
	}
	what, _ := inventory.Profile(facts)
	how, _ := inventory.Status(facts, 1)
	return errors.Join(
		env.k8s.Apply(ctx, what, client.FieldOwner(profile.FieldManager), client.ForceOwnership),
		env.k8s.Status().Apply(ctx, how, client.FieldOwner(profile.FieldManager), client.ForceOwnership),
	)
}

// foreign creates the profile of another manager in testdata.
func foreign(ctx context.Context) error {
	raw, err := os.ReadFile(filepath.Join("testdata", "profiles", "ocm.yaml"))
	if err != nil {
		return err
	}
	p := &inventoryv1alpha1.ClusterProfile{}
	if err := yaml.UnmarshalStrict(raw, p); err != nil {
		return err
	}
	status := p.Status
	if err := env.k8s.Create(ctx, p, client.FieldOwner("registration-controller")); err != nil {
		return err
	}
	p.Status = status
	return env.k8s.Status().Update(ctx, p, client.FieldOwner("registration-controller"))
}

// check creates the SpokeCheck of a profile in team-a.
func check(ctx context.Context, name string, status metav1.ConditionStatus, reason, message string) error {
	c := &v1alpha1.SpokeCheck{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: name}}
	if err := env.k8s.Create(ctx, c); err != nil {
		return err
	}
	at := metav1.NewTime(later())
	c.Status.LastProbeTime = &at
	c.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionReachable, Status: status, Reason: reason, Message: message, LastTransitionTime: at},
	}
	return env.k8s.Status().Update(ctx, c)
}

// report sets the status of the Inventory default as the publisher does.
func report(ctx context.Context) error {
	source := &v1alpha1.Inventory{}
	if err := env.k8s.Get(ctx, client.ObjectKey{Name: "default"}, source); err != nil {
		return err
	}
	source.Status = v1alpha1.InventoryStatus{
		Clusters: 3, Published: 2,
		Conditions: []metav1.Condition{
			{
				Type:               v1alpha1.ConditionReady,
				Status:             metav1.ConditionFalse,
				Reason:             v1alpha1.ReasonProblems,
				Message:            "Some Clusters are not fully published.",
				LastTransitionTime: fixture.Since,
				ObservedGeneration: source.Generation,
			},
		},
		Problems: []v1alpha1.InventoryProblem{
			{
				Cluster: "team-a/berlin",
				Reason:  v1alpha1.ProblemForeignProfile,
				Message: "ClusterProfile team-a/berlin belongs to the cluster manager \"other\" and is left untouched",
			},
			{Cluster: "team-a/paris", Reason: v1alpha1.ProblemPropertySkipped, Message: "property region.example.com: no such key: region"},
		},
	}
	return env.k8s.Status().Update(ctx, source)
}

// result is the result of a command line.
type result struct {
	out, err string
	code     int
}

// plugin runs a command line with the kubeconfig.
func plugin(t *testing.T, kubeconfig string, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	streams := genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &out, ErrOut: &errOut}
	// The flag of the kubeconfig comes first, because a completion completes the last word.
	code := run(t.Context(), streams, later, append([]string{"--kubeconfig", kubeconfig}, args...))
	return result{out: out.String(), err: errOut.String(), code: code}
}
