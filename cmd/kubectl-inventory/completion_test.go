// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestCompletion(t *testing.T) {
	hub := []string{"--kubeconfig", in("hub.kubeconfig")}
	cases := map[string]struct {
		why  string
		args []string
		want []string
	}{
		"Profiles": {why: "profiles of the namespace", args: []string{"list", "-n", "team-a", ""}, want: []string{"london", "paris"}},
		"OtherNames": {
			why:  "a name on the command line is not completed again",
			args: []string{"check", "-n", "team-a", "london", ""},
			want: []string{"paris"},
		},
		"Prefix": {why: "only names with the prefix", args: []string{"lint", "-A", "team"}, want: []string{"team-a--london"}},
		"Clusters": {
			why:  "explain completes Clusters, too",
			args: []string{"explain", "-n", "team-a", ""},
			want: []string{"berlin", "london", "paris", "rome"},
		},
		"Namespaces": {why: "from the hub", args: []string{"list", "-n", "team-"}, want: []string{"team-a", "team-b"}},
		"Contexts":   {why: "from the kubeconfig", args: []string{"list", "--context", ""}, want: []string{"hub-admin@hub"}},
		"Formats":    {why: "kubectl's formats and two tables", args: []string{"check", "-o", "y"}, want: []string{"yaml"}},
		"Consumers":  {why: "from the rules", args: []string{"lint", "--consumer", "k"}, want: []string{"kueue", "knative"}},
		"Unreachable": {
			why:  "without a connection there are no completions, and no error",
			args: []string{"list", "--server", "https://127.0.0.1:1", ""},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			args := append(append([]string{"__completeNoDesc", tc.args[0]}, hub...), tc.args[1:]...)
			if code := run(t.Context(), genericiooptions.IOStreams{Out: &out, ErrOut: &errOut}, later, args); code != 0 {
				t.Fatalf("exit code %d: %s", code, errOut.String())
			}
			var got []string
			for _, line := range strings.Fields(out.String()) {
				if !strings.HasPrefix(line, ":") {
					got = append(got, line)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}
