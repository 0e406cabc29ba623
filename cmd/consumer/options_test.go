// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

func TestParseReportsWrongFlags(t *testing.T) {
	cases := map[string]struct {
		why  string
		args []string
		want string
	}{
		"UnknownFlag": {
			why:  "a misspelt flag must not be ignored",
			args: []string{"--intervall=1s"},
			want: "unknown flag: --intervall",
		},
		"Argument": {
			why:  "consumer once looks like a command and is not one",
			args: []string{"once"},
			want: `unexpected argument "once": only flags are accepted`,
		},
		"Selector": {
			why:  "the flag must be named, the parser does not",
			args: []string{"--selector", "a in b"},
			want: "--selector: unable to parse requirement: found 'b' expected: '('",
		},
		"Namespace": {
			why:  "an informer for it would fail forever",
			args: []string{"-n", "a,B"},
			want: `--namespace: "B" is not a valid namespace name`,
		},
		"References": {
			why:  "a pattern would permit nothing",
			args: []string{"--reference-namespaces", "*,team-*"},
			want: `--reference-namespaces: "team-*" is not a valid namespace name`,
		},
		"Interval": {
			why:  "zero would probe without a pause",
			args: []string{"--interval", "0s"},
			want: "--interval: must be positive",
		},
		"Concurrency": {
			why:  "nothing would ever be probed",
			args: []string{"--concurrency", "0"},
			want: "--concurrency: must be positive",
		},
		"QPS": {
			why:  "zero is no limit, and less than that has no meaning",
			args: []string{"--kube-api-qps", "-1"},
			want: "--kube-api-qps: must not be negative",
		},
		"MemoryLimit": {
			why:  "no plugin would start",
			args: []string{"--plugin-memory-limit", "-1Mi"},
			want: "--plugin-memory-limit: must not be negative",
		},
		"Name": {
			why:  "it becomes the name of a Lease",
			args: []string{"--name", "Me"},
			want: `--name: "Me" is not a DNS name of at most 128 characters`,
		},
		"Permission": {
			why:  "a permission that is never checked would never be missing",
			args: []string{"--require-permission", "pods"},
			want: `--require-permission: "pods" is not verb/resource, as in list/pods or create/deployments.apps`,
		},
		"Output": {
			why:  "a pipeline would get another format than it parses",
			args: []string{"-o", "yaml"},
			want: `--output: "yaml" is not table or json`,
		},
		"SeveralAtOnce": {
			why:  "a user who fixes a command line wants to run it once more, not five times",
			args: []string{"--concurrency=0", "--timeout=-1s"},
			want: "--timeout: must be positive\n--concurrency: must be positive",
		},
		"NoProviderFile": {
			why:  "no profile could be used without one",
			args: []string{"--clusterprofile-provider-file="},
			want: "--clusterprofile-provider-file: must be set",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := parse(tc.args)
			if err == nil {
				t.Fatalf("%s: accepted", tc.why)
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("%s\nerror -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestParseReadsListsAndPermissions(t *testing.T) {
	o, err := parse([]string{
		"--namespace", "a,b", "-n", "c", "--selector", "!ignore",
		"--require-permission", "list/pods,create/deployments.apps", "--require-permission=get/pods/log",
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, o.Namespaces); diff != "" {
		t.Errorf("namespaces -want +got:\n%s", diff)
	}
	want := []probe.Permission{
		{Verb: "list", Resource: "pods"},
		{Verb: "create", Group: "apps", Resource: "deployments"},
		{Verb: "get", Resource: "pods", Subresource: "log"},
	}
	if diff := cmp.Diff(want, o.permissions); diff != "" {
		t.Errorf("permissions -want +got:\n%s", diff)
	}
	if got := o.filter.Selector.String(); got != "!ignore" {
		t.Errorf("selector: %q", got)
	}
}

func TestLeaderElectionIsOffOutsideOfPods(t *testing.T) {
	cases := map[string]struct {
		why  string
		pod  bool
		args []string
		want bool
	}{
		"Pod":             {why: "replicas must not probe the same spokes", pod: true, want: true},
		"Outside":         {why: "there is no namespace for the Lease, and the first command of the documentation must work"},
		"OutsideAsked":    {why: "the error names what is missing", args: []string{"--leader-elect"}, want: true},
		"OutsideDeclined": {why: "the flag wins", args: []string{"--leader-elect=false"}},
		"PodDeclined":     {why: "the flag wins", pod: true, args: []string{"--leader-elect=false"}},
		"OutsideNamed":    {why: "there is a namespace for the Lease", args: []string{"--leader-election-namespace=x"}, want: true},
	}
	real := inCluster
	t.Cleanup(func() { inCluster = real })
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inCluster = func() bool { return tc.pod }
			o, err := parse(tc.args)
			if err != nil {
				t.Fatal(err)
			}
			if o.LeaderElect != tc.want {
				t.Errorf("%s: leader election is %t", tc.why, o.LeaderElect)
			}
		})
	}
}
