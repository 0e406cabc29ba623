// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCommands holds whole outputs, as documentation and as a promise.
func TestCommands(t *testing.T) {
	with := func(args ...string) []string { return append(args, "--allow-local-servers") }
	cases := map[string]output{
		"list":          {why: "the default output", args: []string{"list", "-A"}},
		"list-wide":     {why: "all columns", args: []string{"list", "-n", "team-a", "-o", "wide"}},
		"list-selector": {why: "profiles have labels", args: []string{"list", "-A", "-l", "env=prod", "--no-headers"}},
		"list-names":    {why: "names may have a namespace", args: []string{"list", "-n", "team-a", "paris", "argocd/team-a--london"}},
		"list-name":     {why: "for xargs", args: []string{"list", "-A", "-o", "name"}},
		"list-yaml": {
			why:  "the API server must accept it, so it has no nulls",
			args: []string{"list", "-n", "cluster-inventory", "-o", "yaml"},
		},
		"list-unknown": {
			why:  "a typing error, and a wrong namespace",
			args: []string{"list", "-n", "team-a", "lodnon", "cluster1"},
			code: exitError,
		},
		"list-empty":      {why: "there are profiles in other namespaces", args: []string{"list", "-n", "empty"}},
		"list-empty-json": {why: "programs expect a list", args: []string{"list", "-n", "empty", "-o", "json"}},
		"list-no-match":   {why: "the labels are the reason", args: []string{"list", "-A", "-l", "env=none"}},
		"list-not-installed": {
			why:  "the wrong cluster, or the API is not installed",
			hub:  in("spoke.kubeconfig"),
			args: []string{"list", "-A"},
			code: exitError,
		},
		"list-no-hub":       {why: "there is no kubeconfig", hub: in("nothing.kubeconfig"), args: []string{"list"}, code: exitError},
		"list-bad-output":   {why: "the flag must be named", args: []string{"list", "-o", "jsn"}, code: exitError},
		"list-bad-selector": {why: "the flag must be named", args: []string{"list", "-l", "a in b"}, code: exitError},
		"list-watch-json":   {why: "half a list is not valid JSON", args: []string{"list", "-w", "-o", "json"}, code: exitError},
		"list-jsonpath":     {why: "as in kubectl", args: []string{"list", "-A", "-o", "jsonpath={.items[*].metadata.name}"}},
		"list-template": {
			why:  "as in kubectl, without -o",
			args: []string{"list", "-A", "--template", "{{range .items}}{{.metadata.name}} {{end}}"},
		},
		"list-bad-jsonpath": {why: "the flag must be named", args: []string{"list", "-o", "jsonpath={"}, code: exitError},
		"unknown-command":   {why: "a typing error", args: []string{"lst"}, code: exitError},

		"check": {
			why:  "one spoke responds, one refuses connections, one has no provider",
			args: with("check", "-A"),
			code: exitUnsatisfied,
		},
		"check-reachable": {
			why:  "the spoke is reachable",
			args: with("check", "-n", "team-a", "london", "--require-permission", "list/pods"),
		},
		"check-wide": {why: "the result of each stage", args: with("check", "-n", "team-a", "-o", "wide"), code: exitUnsatisfied},
		"check-name": {
			why:  "the names of the unreachable",
			args: with("check", "-n", "team-a", "-o", "name"),
			code: exitUnsatisfied,
		},
		"check-kind": {
			why:  "a name as -o name prints it",
			args: with("check", "-n", "team-a", "clusterprofile.multicluster.x-k8s.io/london"),
		},
		"check-yaml": {
			why:  "the SpokeChecks that a consumer would write",
			args: with("check", "-n", "team-a", "london", "-o", "yaml"),
		},
		"check-local": {
			why:  "the writer of a profile must not choose local servers",
			args: []string{"check", "-n", "team-a", "london"},
			code: exitUnsatisfied,
		},
		"check-none": {why: "nothing was checked", args: with("check", "-n", "empty"), code: exitError},
		"check-no-file": {
			why:  "the missing file must be named",
			args: []string{"check", "--clusterprofile-provider-file", "/nonexistent/providers.json"},
			code: exitError,
		},
		"check-bad-flags":   {why: "each wrong flag is named", args: with("check", "-o", "xml", "--workers", "0"), code: exitError},
		"check-bad-require": {why: "the flag must be named", args: with("check", "--require-permission", "pods"), code: exitError},

		"explain-published": {why: "two Inventories, one Cluster", args: []string{"explain", "-n", "team-a", "london"}},
		"explain-left-out":  {why: "what could not be published is listed", args: []string{"explain", "-n", "team-a", "cluster/paris"}},
		"explain-opted-out": {why: "its own label excludes it", args: []string{"explain", "team-a/rome"}},
		"explain-not-selected": {
			why:  "a paused Cluster in a namespace that is not selected",
			args: []string{"explain", "-n", "team-b", "oslo"},
		},
		"explain-blocked": {
			why:  "selected and not published, with the Inventory's reason",
			args: []string{"explain", "-n", "team-a", "berlin"},
		},
		"explain-profile":   {why: "only one profile", args: []string{"explain", "-n", "argocd", "profile/team-a--london"}},
		"explain-foreign":   {why: "a profile of another manager", args: []string{"explain", "-n", "cluster-inventory", "cluster1"}},
		"explain-json":      {why: "for programs", args: []string{"explain", "-n", "team-a", "rome", "-o", "json"}},
		"explain-name":      {why: "for xargs", args: []string{"explain", "-n", "team-a", "london", "-o", "name"}},
		"explain-unknown":   {why: "Clusters are suggested, too", args: []string{"explain", "-n", "team-a", "rme"}, code: exitError},
		"explain-elsewhere": {why: "the wrong namespace", args: []string{"explain", "-n", "empty", "oslo"}, code: exitError},

		"lint": {
			why:  "the project's own profiles, with the default configuration of consumers",
			args: []string{"lint", "-n", "team-a", "london", "argocd/team-a--london"},
		},
		"lint-files": {
			why:  "profiles of other managers, from files",
			args: []string{"lint", "-f", "testdata/profiles"},
			code: exitUnsatisfied,
		},
		"lint-wide": {
			why:  "every breach, with its source",
			args: []string{"lint", "-f", "testdata/profiles/headlamp.yaml", "-o", "wide"},
			code: exitUnsatisfied,
		},
		"lint-providers": {
			why: "the provider file decides which provider a consumer takes",
			args: []string{
				"lint",
				"-f",
				"testdata/profiles/ocm.yaml",
				"--consumer",
				"headlamp,kueue",
				"--clusterprofile-provider-file",
				in("providers.json"),
			},
			code: exitUnsatisfied,
		},
		"lint-namespace": {
			why: "consumers may be configured differently",
			args: []string{
				"lint",
				"-f",
				"testdata/profiles/ocm.yaml",
				"--consumer",
				"kueue,argocd",
				"--consumer-namespace",
				"kueue=,argocd=cluster-inventory",
			},
		},
		"lint-name": {
			why:  "the profiles that a consumer rejects",
			args: []string{"lint", "-f", "testdata/profiles", "-o", "name"},
			code: exitUnsatisfied,
		},
		"lint-json": {
			why:  "for programs",
			args: []string{"lint", "-f", "testdata/profiles/kubefleet.yaml", "--consumer", "knative", "-o", "json"},
			code: exitUnsatisfied,
		},
		"lint-rules-consumer": {why: "the rules of one consumer", args: []string{"lint", "--rules", "--consumer", "kueue"}},
		"lint-rules":          {why: "the rules themselves", args: []string{"lint", "--rules"}},
		"lint-bad-base64": {
			why:  "the field must be named",
			args: []string{"lint", "-f", "testdata/bad/base64.yaml"},
			code: exitError,
		},
		"lint-bad-field": {
			why:  "the API server would drop the field",
			args: []string{"lint", "-f", "testdata/bad/field.yaml"},
			code: exitError,
		},
		"lint-bad-version": {
			why:  "another version may have other fields",
			args: []string{"lint", "-f", "testdata/bad/version.yaml"},
			code: exitError,
		},
		"lint-no-profile": {
			why:  "a file without a profile",
			args: []string{"lint", "-f", "testdata/bad/configmap.yaml"},
			code: exitError,
		},
		"lint-bad-consumer": {why: "a typing error", args: []string{"lint", "--consumer", "kuee"}, code: exitError},
		"lint-names-and-files": {
			why:  "names and files exclude each other",
			args: []string{"lint", "london", "-f", "testdata/profiles"},
			code: exitError,
		},
		"lint-no-such-file": {why: "the file must be named", args: []string{"lint", "-f", "testdata/none.yaml"}, code: exitError},
		"kubeconfig":        {why: "the plugin and its parameters", args: with("kubeconfig", "-n", "team-a", "london")},
		"kubeconfig-left-out": {
			why:  "one has no provider, the others are written",
			args: with("kubeconfig", "-A"),
			code: exitUnsatisfied,
		},
		"kubeconfig-none": {
			why:  "an empty kubeconfig is not written",
			args: with("kubeconfig", "-n", "cluster-inventory"),
			code: exitError,
		},
		"kubeconfig-merge-where": {why: "there is no default file", args: with("kubeconfig", "--merge"), code: exitError},
		"kubeconfig-overwrite":   {why: "requires --merge", args: with("kubeconfig", "--overwrite", "--to", "x"), code: exitError},
		"kubeconfig-context": {
			why:  "the plugin would use another hub",
			hub:  twoHubs(t),
			args: with("kubeconfig", "-n", "team-a", "london", "--context", "hub-admin@hub"),
			code: exitError,
		},
		"kubeconfig-into-the-hub": {
			why:  "the plugin would use the spoke as the hub",
			args: with("kubeconfig", "-n", "team-a", "london", "--merge", "--to", in("hub.kubeconfig")),
			code: exitError,
		},
		"kubeconfig-exists": {
			why:  "an existing file is not overwritten",
			args: with("kubeconfig", "-n", "team-a", "london", "--to", in("hub.kubeconfig")),
			code: exitError,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if !strings.HasPrefix(name, "lint") {
				// lint treats this file as that of the consumers, which is unknown here.
				t.Setenv(providersVariable, in("providers.json"))
			}
			tc.hold(t, name)
		})
	}
}

// output is a command line, whose whole output a golden file holds.
type output struct {
	why string
	// hub is the kubeconfig; empty means that of the world.
	hub  string
	args []string
	code int
}

func (o output) hold(t *testing.T, name string) {
	t.Helper()
	hub := o.hub
	if hub == "" {
		hub = in("hub.kubeconfig")
	}
	got := plugin(t, hub, o.args...)
	if got.code != o.code {
		t.Errorf("%s: exit code %d, want %d: %s", o.why, got.code, o.code, got.err)
	}
	golden(t, name, o.why, transcript(o.args, got))
}

// transcript returns the output, with everything that differs between runs replaced.
func transcript(args []string, got result) string {
	text := "$ kubectl inventory " + strings.Join(args, " ") + "\n" + got.out
	if got.err != "" {
		text += "--- on the error stream\n" + got.err
	}
	text = strings.ReplaceAll(text, env.dir, "/home/me")
	for _, unstable := range []struct{ pattern, stable string }{
		{`127\.0\.0\.1:\d{5}`, "127.0.0.1:65432"},
		{`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "01234567-89ab-cdef-0123-456789abcdef"},
		{`(certificate-authority-data: )LS0t\S+`, "${1}LS0t..."},
		{`(resourceVersion: )"\d+"`, `${1}"1"`},
		{`(milliseconds: )\d+`, "${1}1"},
		{`((?:creationTimestamp|lastProbeTime|lastTransitionTime|expires|\btime): )"[^"]+"`, `${1}"2026-01-02T03:04:05Z"`},
		{`\d{4}-\d\d-\d\d \d\d:\d\d(\s+UTC)`, "2036-01-02 03:04${1}"},
	} {
		text = regexp.MustCompile(unstable.pattern).ReplaceAllString(text, unstable.stable)
	}
	if strings.Contains(text, "DURATION") {
		// The durations differ, and so do the widths of columns.
		text = regexp.MustCompile(`\b\d+(\.\d+)?(ms|s)\b`).ReplaceAllString(text, "1ms")
		text = regexp.MustCompile(` {2,}`).ReplaceAllString(text, "  ")
	}
	return text
}

func golden(t *testing.T, name, why, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(fmt.Errorf("%w; -update writes it", err))
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s\n-want +got:\n%s", why, diff)
	}
}
