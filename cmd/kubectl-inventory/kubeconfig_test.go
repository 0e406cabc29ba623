// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/clientcmd"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/test/assets"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// arguments returns the command line for a kubeconfig of the spoke.
func arguments(more ...string) []string {
	return append([]string{
		"kubeconfig",
		"-n",
		"team-a",
		"london",
		"--clusterprofile-provider-file",
		in("providers.json"),
		"--allow-local-servers",
	}, more...)
}

// TestKubeconfigWorks uses the written kubeconfig as kubectl does.
func TestKubeconfigWorks(t *testing.T) {
	// The plugin must use the hub's kubeconfig although kubectl uses the spoke's.
	t.Setenv("KUBECONFIG", "/nonexistent")
	cases := map[string]struct {
		why  string
		hub  string
		args []string
	}{
		"Plugin": {why: "the plugin gets the hub's kubeconfig", args: nil},
		"PluginFlag": {
			why:  "by the flag, if another flag selects the context",
			args: []string{"--context", "hub-admin@hub", "--plugin-kubeconfig", in("hub.kubeconfig")},
		},
		"Embed": {why: "the plugin runs now", args: []string{"--embed"}},
		"EmbedFromFlag": {
			why:  "the plugin uses the hub of --context, which is not the current one",
			hub:  twoHubs(t),
			args: []string{"--embed", "--context", "hub-admin@hub"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.hub == "" {
				tc.hub = in("hub.kubeconfig")
			}
			to := filepath.Join(t.TempDir(), "spokes.kubeconfig")
			got := plugin(t, tc.hub, arguments(append(tc.args, "--to", to)...)...)
			if got.code != 0 || !strings.HasSuffix(got.err, to+": 1 contexts added, 0 replaced, 0 unchanged\n") {
				t.Fatalf("%s: exit code %d: %s", tc.why, got.code, got.err)
			}
			if warned := strings.Contains(got.err,
				"Warning: the kubeconfig will contain credentials"); warned != strings.Contains(name, "Embed") {
				t.Errorf("%s: warned of credentials: %t", tc.why, warned)
			}
			if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: the file's mode is %v, %v", tc.why, info.Mode(), err)
			}
			if version := versionBehind(t, to, "team-a/london"); version != assets.KubernetesVersion {
				t.Errorf("%s: the spoke runs %q", tc.why, version)
			}
		})
	}
}

// twoHubs returns a kubeconfig whose current context is not the hub.
func twoHubs(t *testing.T) string {
	t.Helper()
	config, err := clientcmd.Load(fixture.Kubeconfig("hub", env.hub.Config(), ""))
	must(t, err)
	other, err := clientcmd.Load(fixture.Kubeconfig("other", env.spoke.Config(), ""))
	must(t, err)
	config.Clusters["other"], config.AuthInfos["other-admin"] = other.Clusters["other"], other.AuthInfos["other-admin"]
	config.Contexts["other"], config.CurrentContext = other.Contexts[other.CurrentContext], "other"
	path := filepath.Join(t.TempDir(), "hubs.kubeconfig")
	must(t, clientcmd.WriteToFile(*config, path))
	return path
}

func versionBehind(t *testing.T, path, name string) string {
	t.Helper()
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: path}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{
		CurrentContext: name,
	}).ClientConfig()
	must(t, err)
	// An API server returns its version without authentication, so list namespaces, too.
	client, err := discovery.NewDiscoveryClientForConfig(config)
	must(t, err)
	if _, err := client.RESTClient().Get().AbsPath("/api/v1/namespaces").DoRaw(t.Context()); err != nil {
		t.Fatalf("the spoke rejects the context %s: %v", name, err)
	}
	version, err := client.ServerVersion()
	must(t, err)
	return version.GitVersion
}

func TestCheckFindsHubOfContext(t *testing.T) {
	got := plugin(t, twoHubs(t), "check", "-n", "team-a", "london", "--context", "hub-admin@hub", "--clusterprofile-provider-file",
		in("providers.json"), "--allow-local-servers")
	if got.code != 0 {
		t.Errorf("the plugin did not read its Secret on the hub of --context: %s%s", got.out, got.err)
	}
}

// TestKubeconfigMerges merges contexts into files of every kind.
func TestKubeconfigMerges(t *testing.T) {
	to := filepath.Join(t.TempDir(), "spokes.kubeconfig")
	original := fixture.Kubeconfig("mine", env.spoke.Config(), "")
	must(t, os.WriteFile(to, original, 0o644))
	step := func(why string, code int, message string, args ...string) {
		t.Helper()
		got := plugin(t, in("hub.kubeconfig"), arguments(append(args, "--to", to)...)...)
		if got.code != code || !strings.Contains(got.err, message) {
			t.Errorf("%s: exit code %d, want %d with %q:\n%s", why, got.code, code, message, got.err)
		}
	}
	unchanged := func(why string, want []byte) {
		t.Helper()
		have, err := os.ReadFile(to)
		must(t, err)
		if diff := cmp.Diff(string(want), string(have)); diff != "" {
			t.Errorf("%s\n-want +got:\n%s", why, diff)
		}
	}
	step("an existing file is not changed without --merge", exitError, "exists; --merge adds to it")
	unchanged("an existing file is not changed without --merge", original)

	link := filepath.Join(t.TempDir(), "link.kubeconfig")
	must(t, os.Symlink(to, link))
	for _, same := range []string{to, link} {
		step("plugins would start each other", exitError, "error: --plugin-kubeconfig: it is the file of --to", "--merge",
			"--plugin-kubeconfig", same)
		unchanged("plugins would start each other", original)
	}

	step("--merge adds to it", 0, "1 contexts added, 0 replaced, 0 unchanged", "--merge")
	config, err := clientcmd.LoadFromFile(to)
	must(t, err)
	if config.CurrentContext != "mine-admin@mine" || config.Clusters["mine"] == nil || config.Contexts["team-a/london"] == nil {
		t.Errorf("a merge keeps other entries and the current context; got %q, %v", config.CurrentContext, config.Contexts)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("a file with access to a spoke must not be readable for others; mode %v, %v", info.Mode(), err)
	}
	merged, err := os.ReadFile(to)
	must(t, err)

	step("a second merge changes nothing", 0, "0 contexts added, 0 replaced, 1 unchanged", "--merge")
	unchanged("a second merge changes nothing", merged)

	step("another entry of that name is kept", exitError, "other entries of these names: team-a/london; --overwrite replaces "+
		"them", "--merge", "--embed")
	unchanged("another entry of that name is kept", merged)

	step("--overwrite replaces it", 0, "0 contexts added, 1 replaced, 0 unchanged", "--merge", "--embed", "--overwrite")

	must(t, os.WriteFile(to+".lock", nil, 0o600))
	step("the file is locked", exitError, "another program is writing", "--merge")
	must(t, os.Remove(to+".lock"))

	must(t, os.WriteFile(to, []byte("- no kubeconfig"), 0o600))
	step("another file is not replaced", exitError, "is not a kubeconfig", "--merge")
	unchanged("another file is not replaced", []byte("- no kubeconfig"))

	left, err := filepath.Glob(filepath.Join(filepath.Dir(to), "*"))
	must(t, err)
	hidden, err := filepath.Glob(filepath.Join(filepath.Dir(to), ".*"))
	must(t, err)
	if diff := cmp.Diff([]string{to}, append(left, hidden...)); diff != "" {
		t.Errorf("no files are left -want +got:\n%s", diff)
	}
}

func TestInterruptStartsNoPlugin(t *testing.T) {
	o := &options{IOStreams: genericiooptions.NewTestIOStreamsDiscard(), now: later}
	newRoot(o)
	*o.config.KubeConfig = in("hub.kubeconfig")
	w := &writer{options: o, providerFlags: providerFlags{workers: 2, timeout: testTimeout}}
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	entries := make([]entry, 5)
	for i := range entries {
		entries[i].profile = &inventoryv1alpha1.ClusterProfile{}
	}
	if err := w.withCredentials(ctx, entries); !errors.Is(err, context.Canceled) {
		t.Errorf("want the error of the context, got %v", err)
	}
	for _, e := range entries {
		if e.err != nil || e.context.User != nil {
			t.Errorf("a profile was processed after the interruption: %v", e.err)
		}
	}
}
