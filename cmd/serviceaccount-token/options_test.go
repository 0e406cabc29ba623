// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
)

func TestParse(t *testing.T) {
	defaults := options{audiencePrefix: "capi-inventory.dev/spoke/", expiration: time.Hour}
	named := options{
		kubeconfig:     "hub.kubeconfig",
		account:        types.NamespacedName{Namespace: "fleet", Name: "consumer"},
		audiencePrefix: "example.com/",
		expiration:     10 * time.Minute,
	}
	cases := map[string]struct {
		why  string
		args []string
		want options
		err  string
	}{
		"Defaults": {why: "what a provider file has without arguments", want: defaults},
		"All": {
			why: "every flag",
			args: []string{
				"--kubeconfig=hub.kubeconfig", "--namespace=fleet", "--service-account=consumer", "--audience-prefix=example.com/",
				"--expiration=10m",
			},
			want: named,
		},
		"NoNamespace": {
			why:  "half an account",
			args: []string{"--service-account=a"},
			err:  "--namespace: must be set if --service-account is",
		},
		"NoAccount": {why: "half an account", args: []string{"--namespace=a"}, err: "--service-account: must be set if --namespace is"},
		"Everything": {
			why: "one run reports it all",
			args: []string{
				"--namespace=A", "--service-account=B", "--audience-prefix=", "--expiration=9m59s",
			},
			err: "--namespace: \"A\" is not a valid namespace name\n" +
				"--service-account: \"B\" is not a valid name of a ServiceAccount\n" +
				"--audience-prefix: must not be empty: the audience could be that of another service\n" +
				"--expiration: must be at least 10m0s",
		},
		"Argument": {why: "it would be ignored", args: []string{"get"}, err: `unexpected argument "get": only flags are accepted`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parse(tc.args)
			if tc.err != "" {
				if err == nil || err.Error() != tc.err {
					t.Errorf("%s: %v, want %s", tc.why, err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, *got, cmp.AllowUnexported(options{})); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
		})
	}
}
