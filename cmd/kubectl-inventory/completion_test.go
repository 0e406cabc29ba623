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
		"Profiles":    {why: "names of the namespace", args: []string{"list", "-n", "team-a", ""}, want: []string{"london", "paris"}},
		"OtherNames":  {why: "a name is given once", args: []string{"check", "-n", "team-a", "london", ""}, want: []string{"paris"}},
		"Begun":       {why: "what does not begin so is left out", args: []string{"lint", "-A", "team"}, want: []string{"team-a--london"}},
		"Clusters":    {why: "explain knows Clusters, too", args: []string{"explain", "-n", "team-a", ""}, want: []string{"berlin", "london", "paris", "rome"}},
		"Namespaces":  {why: "from the hub", args: []string{"list", "-n", "team-"}, want: []string{"team-a", "team-b"}},
		"Contexts":    {why: "from the kubeconfig", args: []string{"list", "--context", ""}, want: []string{"hub-admin@hub"}},
		"Formats":     {why: "there are five", args: []string{"check", "-o", "y"}, want: []string{"yaml"}},
		"Consumers":   {why: "there are seven", args: []string{"lint", "--consumer", "k"}, want: []string{"kueue", "knative"}},
		"Unreachable": {why: "a hub that does not answer completes nothing, and is no error", args: []string{"list", "--server", "https://127.0.0.1:1", ""}},
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
