// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
)

func TestParseReportsWrongFlags(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		says []string
	}{
		"NoManager": {args: []string{"--cluster-manager-name="}, says: []string{"--cluster-manager-name: must be set"}},
		"LongManager": {
			args: []string{"--cluster-manager-name=" + strings.Repeat("m", 64)},
			says: []string{"--cluster-manager-name", "63"},
		},
		"LongClass": {
			args: []string{"--publisher-class=" + strings.Repeat("c", 41)},
			says: []string{"--publisher-class: must have at most 40 characters"},
		},
		"BadNamespace": {
			args: []string{"--namespace=team-a,Team_B"},
			says: []string{`--namespace: "Team_B" is not a valid namespace name`},
		},
		"BadFilter":  {args: []string{"--watch-filter=two words"}, says: []string{"--watch-filter"}},
		"SoonStale":  {args: []string{"--stale-after=30s"}, says: []string{"--stale-after: must be 0 or at least 1m"}},
		"NeverStale": {args: []string{"--stale-after=-1m"}, says: []string{"--stale-after: must be 0 or at least 1m"}},
		"AllAtOnce": {
			args: []string{"--concurrency=0", "--sync-period=1s"},
			says: []string{"--concurrency: must be positive", "--sync-period: must be at least 1m"},
		},
		"Argument":    {args: []string{"publish"}, says: []string{`unexpected argument "publish"`}},
		"UnknownFlag": {args: []string{"--publish"}, says: []string{"unknown flag: --publish"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(tc.args)
			if err == nil {
				t.Fatalf("%v was accepted", tc.args)
			}
			for _, word := range tc.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%v: %q does not say %q", tc.args, err, word)
				}
			}
		})
	}
}

func TestPublisherDefaultsAreSafe(t *testing.T) {
	o, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !o.LeaderElect || o.InsecureDiagnostics {
		t.Errorf("a leader must be elected, and metrics must be authorized by default: got %+v", o)
	}
	manager := o.manager(runtime.NewScheme())
	if !manager.LeaderElectionReleaseOnCancel || manager.Metrics.FilterProvider == nil || !manager.Metrics.SecureServing {
		t.Error("the manager ignores the flags")
	}
	if o.publisher().Metrics == nil {
		t.Error("the publisher's metrics are not registered")
	}
}
