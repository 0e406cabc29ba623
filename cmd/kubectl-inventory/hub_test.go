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

// TestPluginsUseTheHub: a plugin connects to the same hub as the program, as the same user. A spoke is reachable only if the plugin can
// read its Secret.
func TestPluginsUseTheHub(t *testing.T) {
	bearer := token(t, "operator")
	other := twoHubs(t)
	elsewhere := &pod{cluster: env.spoke, token: "token"}
	cases := map[string]struct {
		why         string
		pod         *pod
		environment []string
		args        []string
	}{
		"Home": {why: "the usual file", environment: []string{"HOME=" + homeOf(t, in("hub.kubeconfig"))}},
		"File": {why: "one file", environment: []string{"KUBECONFIG=" + in("hub.kubeconfig")}},
		"Flag": {
			why:         "a file by flag, with another in the environment",
			environment: []string{"KUBECONFIG=" + in("spoke.kubeconfig")},
			args:        []string{"--kubeconfig", in("hub.kubeconfig")},
		},
		"List":   {why: "a list of files", environment: []string{"KUBECONFIG=" + withEmpty(t)}},
		"Halves": {why: "a list of files that are complete only together", environment: []string{"KUBECONFIG=" + halves(t)}},
		"Context": {
			why:         "the current context is another cluster",
			environment: []string{"KUBECONFIG=" + other},
			args:        []string{"--context", "hub-admin@hub"},
		},
		"Cluster": {
			why:         "cluster and user, with another current context",
			environment: []string{"HOME=" + homeOf(t, other)},
			args:        []string{"--cluster", "hub", "--user", "hub-admin"},
		},
		"Flags": {why: "no kubeconfig at all", args: tlsFlags(t, env.hub.Config())},
		"Token": {
			why:         "a token in place of the kubeconfig's user",
			environment: []string{"KUBECONFIG=" + in("hub.kubeconfig")},
			args:        []string{"--token", bearer},
		},
		"As": {
			why:         "another user with the rights",
			environment: []string{"KUBECONFIG=" + in("hub.kubeconfig")},
			args:        []string{"--as", "deputy", "--as-group", "system:masters"},
		},
		"Login": {
			why:         "the login of the hub depends on the environment",
			environment: []string{"KUBECONFIG=" + login(t, bearer), "CLOUD_PROFILE=mine"},
		},
		"LoginHome": {
			why:         "likewise, in a temporary file",
			environment: []string{"HOME=" + homeOf(t, login(t, bearer)), "CLOUD_PROFILE=mine"},
			args:        []string{"--as", "deputy", "--as-group", "system:masters"},
		},
		"Pod":       {why: "in a pod of another cluster", pod: elsewhere, args: []string{"--kubeconfig", in("hub.kubeconfig")}},
		"InCluster": {why: "in a pod of the hub", pod: &pod{cluster: env.hub, token: bearer}},
		"PodContext": {
			why:  "in a pod of another cluster, in a temporary file",
			pod:  elsewhere,
			args: []string{"--kubeconfig", other, "--context", "hub-admin@hub"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			prefix, environment := tc.pod.prefix(t), slices.Concat(tc.environment, tc.pod.environment())
			// A plugin takes its time on a busy machine.
			spoke := append([]string{"-n", "team-a", "london", "--allow-local-servers", "--timeout", testTimeout.String()}, tc.args...)
			got := runProgram(t, prefix, environment, append([]string{"check"}, spoke...)...)
			if got.code != 0 {
				t.Errorf("%s: check: %s%s", tc.why, got.out, got.err)
			}
			to := filepath.Join(t.TempDir(), "spokes")
			got = runProgram(t, prefix, environment, append([]string{"kubeconfig", "--embed", "--to", to}, spoke...)...)
			if got.code != 0 {
				t.Fatalf("%s: kubeconfig --embed: %s%s", tc.why, got.out, got.err)
			}
			versionBehind(t, to, "team-a/london")
		})
	}
}

// TestPluginsHaveTheSameRights: what the program may not read, its plugin may not read either.
func TestPluginsHaveTheSameRights(t *testing.T) {
	must(t, env.k8s.Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "tenant"},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{inventoryv1alpha1.Group}, Resources: []string{"clusterprofiles"}, Verbs: []string{"get", "list"}},
		},
	}))
	must(t, env.k8s.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "tenant"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "tenant"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "tenant"}},
	}))
	got := runProgram(t, nil, []string{
		"KUBECONFIG=" + in("hub.kubeconfig"),
	}, "check", "-n", "team-a", "london", "--allow-local-servers", "--as", "tenant")
	want := `secrets "london-kubeconfig" is forbidden: User "tenant" cannot get resource "secrets"`
	if got.code != exitUnsatisfied || !strings.Contains(got.out, want) {
		t.Errorf("exit code %d, want %d with %s:\n%s%s", got.code, exitUnsatisfied, want, got.out, got.err)
	}
}

// TestSecretsOfAnotherHub: the profiles are those of hub B, whose owner chooses the server. A Secret of the same name on hub A must not
// be sent there.
func TestSecretsOfAnotherHub(t *testing.T) {
	b := apiserver.StartHubFor(t)
	k8s, err := client.New(b.Config(), client.Options{Scheme: newScheme(b.Config())})
	must(t, err)
	must(t, k8s.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team-a"}}))
	london := &inventoryv1alpha1.ClusterProfile{}
	must(t, env.k8s.Get(t.Context(), client.ObjectKey{Namespace: "team-a", Name: "london"}, london))
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
		"Server": {
			why:         "A is the kubeconfig's",
			environment: []string{"KUBECONFIG=" + in("hub.kubeconfig")},
			args:        tlsFlags(t, b.Config()),
		},
		"Home": {
			why:         "A is in ~/.kube/config",
			environment: []string{"HOME=" + homeOf(t, in("hub.kubeconfig"))},
			args:        []string{"--kubeconfig", hubB},
		},
		"Pod": {
			why:  "A is the cluster of the pod",
			pod:  &pod{cluster: env.hub, token: token(t, "owner-of-a")},
			args: []string{"--kubeconfig", hubB},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			prefix, environment := tc.pod.prefix(t), slices.Concat(tc.environment, tc.pod.environment())
			got := runProgram(t, prefix, environment, append([]string{
				"check",
				"-n",
				"team-a",
				"evil",
				"--allow-local-servers",
			}, tc.args...)...)
			want := `failed to get secret team-a/london-kubeconfig: secrets "london-kubeconfig" not found`
			if got.code != exitUnsatisfied || !strings.Contains(got.out, want) {
				t.Errorf("%s: exit code %d, want %d with %s:\n%s%s", tc.why, got.code, exitUnsatisfied, want, got.out, got.err)
			}
		})
	}
}

// TestWrittenPluginsUseTheHub uses a written kubeconfig in another environment.
func TestWrittenPluginsUseTheHub(t *testing.T) {
	elsewhere := &pod{cluster: env.spoke}
	cases := map[string]struct {
		why         string
		environment []string
		args        []string
		rejected    string
	}{
		"Home": {why: "the usual file", environment: []string{"HOME=" + homeOf(t, in("hub.kubeconfig"))}},
		"List": {why: "one file of the list is complete", environment: []string{"KUBECONFIG=" + withEmpty(t)}},
		"Current": {
			why:         "the context is the current one",
			environment: []string{"KUBECONFIG=" + in("hub.kubeconfig")},
			args:        []string{"--context", "hub-admin@hub"},
		},
		"InPod": {
			why:         "a plugin in a pod prefers the cluster of the pod",
			environment: append(elsewhere.environment(), "KUBECONFIG="+in("hub.kubeconfig")),
		},
		"Halves": {why: "no file of the list is complete", environment: []string{"KUBECONFIG=" + halves(t)},
			rejected: "KUBECONFIG: the hub is merged from 2 files, and plugins read only one; "},
		"As": {
			why:         "no file has the flag",
			environment: []string{"KUBECONFIG=" + in("hub.kubeconfig")},
			args:        []string{"--as", "operator", "--as-group", "system:masters"},
			rejected:    "--as, --as-group: plugins do not know these flags, they use the current context of one kubeconfig; ",
		},
		"Flags": {why: "there is no file", args: tlsFlags(t, env.hub.Config()),
			rejected: "--server, --certificate-authority, --client-certificate, --client-key: plugins do not know these flags, they use " +
				"the current context of one kubeconfig; "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "spokes")
			got := runProgram(t, nil, tc.environment, append([]string{
				"kubeconfig",
				"-n",
				"team-a",
				"london",
				"--allow-local-servers",
				"--to",
				to,
			}, tc.args...)...)
			if tc.rejected != "" {
				if got.code != exitError || !strings.HasPrefix(got.err, "error: "+tc.rejected) {
					t.Errorf("%s: exit code %d, want %d with %s\n%s", tc.why, got.code, exitError, tc.rejected, got.err)
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
	t.Run("PodsAreNotUsed", func(t *testing.T) {
		to := filepath.Join(t.TempDir(), "spokes")
		runProgram(t, nil, append(elsewhere.environment(), "KUBECONFIG="+in("hub.kubeconfig")), "kubeconfig", "-n", "team-a", "london",
			"--allow-local-servers", "--to", to)
		written, err := clientcmd.LoadFromFile(to)
		must(t, err)
		want := []clientcmdapi.ExecEnvVar{{Name: "KUBECONFIG", Value: in("hub.kubeconfig")}, {Name: "KUBERNETES_SERVICE_HOST", Value: ""}}
		if diff := cmp.Diff(want, written.AuthInfos["team-a/london"].Exec.Env); diff != "" {
			t.Errorf("a plugin uses the cluster of its pod unless the variable is empty -want +got:\n%s", diff)
		}
	})
}
