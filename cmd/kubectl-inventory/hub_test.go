// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestPluginsFindTheHub is the rule that a plugin talks to the hub, and as whom, the program does: a spoke is reachable only if
// the plugin finds its Secret.
func TestPluginsFindTheHub(t *testing.T) {
	bearer := token(t, "operator")
	other := twoHubs(t)
	elsewhere := &pod{cluster: world.spoke, token: "token"}
	cases := map[string]struct {
		why         string
		pod         *pod
		environment []string
		args        []string
	}{
		"Home":       {why: "what nearly everybody has", environment: []string{"HOME=" + homeOf(t, in("hub.kubeconfig"))}},
		"File":       {why: "one file", environment: []string{"KUBECONFIG=" + in("hub.kubeconfig")}},
		"Flag":       {why: "a file by flag, with another in the environment", environment: []string{"KUBECONFIG=" + in("spoke.kubeconfig")}, args: []string{"--kubeconfig", in("hub.kubeconfig")}},
		"List":       {why: "a list of files", environment: []string{"KUBECONFIG=" + withEmpty(t)}},
		"Halves":     {why: "a list of files that are nothing each by itself", environment: []string{"KUBECONFIG=" + halves(t)}},
		"Context":    {why: "the current context is another", environment: []string{"KUBECONFIG=" + other}, args: []string{"--context", "hub-admin@hub"}},
		"Cluster":    {why: "cluster and user of a context that is another", environment: []string{"HOME=" + homeOf(t, other)}, args: []string{"--cluster", "hub", "--user", "hub-admin"}},
		"Flags":      {why: "no kubeconfig at all", args: tlsFlags(t, world.hub.Config())},
		"Token":      {why: "a token in place of the kubeconfig's user", environment: []string{"KUBECONFIG=" + in("hub.kubeconfig")}, args: []string{"--token", bearer}},
		"As":         {why: "somebody else who may", environment: []string{"KUBECONFIG=" + in("hub.kubeconfig")}, args: []string{"--as", "deputy", "--as-group", "system:masters"}},
		"Login":      {why: "the hub's login relies on the person's environment", environment: []string{"KUBECONFIG=" + login(t, bearer), "CLOUD_PROFILE=mine"}},
		"LoginHome":  {why: "likewise, in a file for the occasion", environment: []string{"HOME=" + homeOf(t, login(t, bearer)), "CLOUD_PROFILE=mine"}, args: []string{"--as", "deputy", "--as-group", "system:masters"}},
		"Pod":        {why: "in a pod of another cluster", pod: elsewhere, args: []string{"--kubeconfig", in("hub.kubeconfig")}},
		"InCluster":  {why: "in a pod of the hub", pod: &pod{cluster: world.hub, token: bearer}},
		"PodContext": {why: "likewise, in a file for the occasion", pod: elsewhere, args: []string{"--kubeconfig", other, "--context", "hub-admin@hub"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			prefix, environment := tc.pod.prefix(t), slices.Concat(tc.environment, tc.pod.environment())
			got := person(t, prefix, environment, append([]string{"check", "-n", "team-a", "london", "--allow-local-servers"}, tc.args...)...)
			if got.code != 0 {
				t.Errorf("%s: check: %s%s", tc.why, got.out, got.err)
			}
			to := filepath.Join(t.TempDir(), "spokes")
			got = person(t, prefix, environment, append([]string{"kubeconfig", "-n", "team-a", "london", "--allow-local-servers", "--embed", "--to", to}, tc.args...)...)
			if got.code != 0 {
				t.Fatalf("%s: kubeconfig --embed: %s%s", tc.why, got.out, got.err)
			}
			versionBehind(t, to, "team-a/london")
		})
	}
}

// TestPluginsAreNobodyElse: what the program may not read, its plugin must not read for it.
func TestPluginsAreNobodyElse(t *testing.T) {
	must(t, world.k8s.Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "tenant"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{inventoryv1alpha1.Group}, Resources: []string{"clusterprofiles"}, Verbs: []string{"get", "list"}}},
	}))
	must(t, world.k8s.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "tenant"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "tenant"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "tenant"}},
	}))
	got := person(t, nil, []string{"KUBECONFIG=" + in("hub.kubeconfig")}, "check", "-n", "team-a", "london", "--allow-local-servers", "--as", "tenant")
	if want := `secrets "london-kubeconfig" is forbidden: User "tenant" cannot get resource "secrets"`; got.code != exitNo || !strings.Contains(got.out, want) {
		t.Errorf("exit code %d, want %d with %s:\n%s%s", got.code, exitNo, want, got.out, got.err)
	}
}

// TestSecretsOfAnotherHub: the profiles are those of hub B, which names a server of its owner's choice. A Secret that hub A has
// under the same name must not be sent there.
func TestSecretsOfAnotherHub(t *testing.T) {
	b, err := apiserver.StartHub()
	must(t, err)
	t.Cleanup(func() { _ = b.Stop() })
	k8s, err := client.New(b.Config(), client.Options{Scheme: newScheme()})
	must(t, err)
	must(t, k8s.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team-a"}}))
	london := &inventoryv1alpha1.ClusterProfile{}
	must(t, world.k8s.Get(t.Context(), client.ObjectKey{Namespace: "team-a", Name: "london"}, london))
	evil := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "evil"}, Spec: london.Spec}
	must(t, k8s.Create(t.Context(), evil))
	evil.Status = london.Status
	must(t, k8s.Status().Update(t.Context(), evil))
	hubB := write(t, "b", fixture.Kubeconfig("b", b.Config(), ""))

	cases := map[string]struct {
		why         string
		pod         *pod
		environment []string
		args        []string
	}{
		"Server": {why: "A is the kubeconfig's", environment: []string{"KUBECONFIG=" + in("hub.kubeconfig")}, args: tlsFlags(t, b.Config())},
		"Home":   {why: "A is in ~/.kube/config", environment: []string{"HOME=" + homeOf(t, in("hub.kubeconfig"))}, args: []string{"--kubeconfig", hubB}},
		"Pod":    {why: "A is the cluster of the pod", pod: &pod{cluster: world.hub, token: token(t, "owner-of-a")}, args: []string{"--kubeconfig", hubB}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			prefix, environment := tc.pod.prefix(t), slices.Concat(tc.environment, tc.pod.environment())
			got := person(t, prefix, environment, append([]string{"check", "-n", "team-a", "evil", "--allow-local-servers"}, tc.args...)...)
			if want := `failed to get secret team-a/london-kubeconfig: secrets "london-kubeconfig" not found`; got.code != exitNo || !strings.Contains(got.out, want) {
				t.Errorf("%s: exit code %d, want %d with %s:\n%s%s", tc.why, got.code, exitNo, want, got.out, got.err)
			}
		})
	}
}

// TestWrittenPluginsFindTheHub uses what was written, later and from elsewhere.
func TestWrittenPluginsFindTheHub(t *testing.T) {
	elsewhere := &pod{cluster: world.spoke}
	cases := map[string]struct {
		why         string
		environment []string
		args        []string
		refused     string
	}{
		"Home":    {why: "what nearly everybody has", environment: []string{"HOME=" + homeOf(t, in("hub.kubeconfig"))}},
		"List":    {why: "one file of the list says it all", environment: []string{"KUBECONFIG=" + withEmpty(t)}},
		"Current": {why: "the context that is the current one anyway", environment: []string{"KUBECONFIG=" + in("hub.kubeconfig")}, args: []string{"--context", "hub-admin@hub"}},
		"InPod":   {why: "a plugin in a pod would take the pod's cluster first", environment: append(elsewhere.environment(), "KUBECONFIG="+in("hub.kubeconfig"))},
		"Halves": {why: "no file of the list says it", environment: []string{"KUBECONFIG=" + halves(t)},
			refused: "KUBECONFIG: the hub is put together from 2 files, and plugins read one; "},
		"As": {why: "no file says it", environment: []string{"KUBECONFIG=" + in("hub.kubeconfig")}, args: []string{"--as", "tenant"},
			refused: "--as: plugins know nothing of it, they take the current context of one kubeconfig; "},
		"Flags": {why: "there is no file", args: tlsFlags(t, world.hub.Config()),
			refused: "--server, --certificate-authority, --client-certificate, --client-key: plugins know nothing of it, they take the current context of one kubeconfig; "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "spokes")
			got := person(t, nil, tc.environment, append([]string{"kubeconfig", "-n", "team-a", "london", "--allow-local-servers", "--to", to}, tc.args...)...)
			if tc.refused != "" {
				if got.code != exitError || !strings.HasPrefix(got.err, "error: "+tc.refused) {
					t.Errorf("%s: exit code %d, want %d with %s\n%s", tc.why, got.code, exitError, tc.refused, got.err)
				}
				return
			}
			if got.code != 0 {
				t.Fatalf("%s: %s", tc.why, got.err)
			}
			for _, variable := range tc.environment {
				if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "KUBERNETES_") {
					t.Setenv(name, value)
				}
			}
			t.Setenv("KUBECONFIG", to)
			versionBehind(t, to, "team-a/london")
		})
	}
	t.Run("PodsAreNotAsked", func(t *testing.T) {
		to := filepath.Join(t.TempDir(), "spokes")
		person(t, nil, append(elsewhere.environment(), "KUBECONFIG="+in("hub.kubeconfig")), "kubeconfig", "-n", "team-a", "london", "--allow-local-servers", "--to", to)
		written, err := clientcmd.LoadFromFile(to)
		must(t, err)
		want := []clientcmdapi.ExecEnvVar{{Name: "KUBECONFIG", Value: in("hub.kubeconfig")}, {Name: "KUBERNETES_SERVICE_HOST", Value: ""}}
		if diff := cmp.Diff(want, written.AuthInfos["team-a/london"].Exec.Env); diff != "" {
			t.Errorf("a plugin takes the cluster of its pod unless its variable is empty -want +got:\n%s", diff)
		}
	})
}
