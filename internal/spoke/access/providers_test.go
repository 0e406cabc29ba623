// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
)

// file writes a provider file and returns its path.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "providers.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadReportsInvalidFiles(t *testing.T) {
	const exec = `"execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": "x"}`
	cases := map[string]struct {
		why, content string
		want         string
	}{
		"Empty": {
			why:     "a mount that is not there yet",
			content: ``,
			want:    "it is not JSON of the expected shape: unexpected end of JSON input",
		},
		"NoProviders": {why: "every profile would be without access", content: `{}`, want: "providers: must list at least one provider"},
		"List": {
			why:     "Kueue's shape is a list of providers",
			content: `[]`,
			want:    "it is not JSON of the expected shape: json: cannot unmarshal array into Go value of type access.config",
		},
		"UnknownField": {
			why:     "upstream's reader takes a misspelt policy for none",
			content: `{"providers": [{"name": "a", "profileSourcedCliArgsPolicy": "Append", ` + exec + `}]}`,
			want:    `unknown field "providers[0].profileSourcedCliArgsPolicy"`,
		},
		"DuplicateField": {
			why:     "which of the two counts is up to the reader",
			content: `{"providers": [{"name": "a", "name": "b", ` + exec + `}]}`,
			want:    `duplicate field "providers[0].name"`,
		},
		"EmptyName": {
			why:     "it matches no profile",
			content: `{"providers": [{` + exec + `}]}`,
			want:    "providers[0].name: must not be empty",
		},
		"DuplicateName": {
			why:     "the second would never be used",
			content: `{"providers": [{"name": "a", ` + exec + `}, {"name": "a", ` + exec + `}]}`,
			want:    `providers[1].name: "a" is taken by providers[0]`,
		},
		"NoExec": {
			why:     "credentials come from plugins only",
			content: `{"providers": [{"name": "a"}]}`,
			want:    "providers[0].execConfig: must be set: credentials come from a plugin",
		},
		"NoCommand": {
			why:     "nothing to run",
			content: `{"providers": [{"name": "a", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1"}}]}`,
			want:    "providers[0].execConfig.command: must not be empty",
		},
		"OldVersion": {
			why: "client-go has dropped v1alpha1, and so have plugins",
			content: `{"providers": [{"name": "a", "execConfig": {"apiVersion": ` +
				`"client.authentication.k8s.io/v1alpha1", "command": "x"}}]}`,
			want: `providers[0].execConfig.apiVersion: "client.authentication.k8s.io/v1alpha1" is not ` +
				`client.authentication.k8s.io/v1 or client.authentication.k8s.io/v1beta1`,
		},
		"Interactive": {
			why: "upstream turns it into Never without a word",
			content: `{"providers": [{"name": "a", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": ` +
				`"x", "interactiveMode": "Always"}}]}`,
			want: "providers[0].execConfig.interactiveMode: Always is not supported, a consumer has no terminal",
		},
		"ArgsPolicy": {
			why:     "upstream says so only when a profile brings arguments",
			content: `{"providers": [{"name": "a", "profileSourcedCLIArgsPolicy": "Replace", ` + exec + `}]}`,
			want:    `providers[0].profileSourcedCLIArgsPolicy: "Replace" is not Ignore or Append`,
		},
		"EnvsPolicy": {why: "likewise", content: `{"providers": [{"name": "a", "profileSourcedEnvVarsPolicy": "Append", ` + exec + `}]}`,
			want: `providers[0].profileSourcedEnvVarsPolicy: "Append" is not Ignore, AppendIfNotExists or Replace`},
		"ClusterName": {
			why: "the reference could not be refused any more",
			content: `{"providers": [{"name": "a", "profileSourcedClusterNameAllowed": true, "execConfig": {"apiVersion": ` +
				`"client.authentication.k8s.io/v1", "command": "bin/secretreader-plugin"}}]}`,
			want: `providers[0].profileSourcedClusterNameAllowed: must not be set: the plugin secretreader reads the Secret of that ` +
				`name; --reference-namespaces permits it`,
		},
		"AllowedReserved": {
			why: "it decides where the consumer's own token for the hub goes",
			content: `{"providers": [{"name": "a", "profileSourcedEnvVarsPolicy": "Replace", "profileSourcedEnvVarsAllowed": ` +
				`["CLUSTER", "https_proxy"], ` + exec + `}]}`,
			want: `providers[0].profileSourcedEnvVarsAllowed[1]: "https_proxy" must not be set by profiles`,
		},
		"AllowedProgram": {
			why: "a shell runs what it says",
			content: `{"providers": [{"name": "a", "profileSourcedEnvVarsPolicy": "Replace", ` +
				`"profileSourcedEnvVarsAllowed": ["BASH_ENV"], ` + exec + `}]}`,
			want: `providers[0].profileSourcedEnvVarsAllowed[0]: "BASH_ENV" must not be set by profiles`,
		},
		"AllowedPattern": {
			why: "names are listed one by one",
			content: `{"providers": [{"name": "a", "profileSourcedEnvVarsPolicy": "Replace", ` +
				`"profileSourcedEnvVarsAllowed": ["AWS_*"], ` + exec + `}]}`,
			want: `providers[0].profileSourcedEnvVarsAllowed[0]: "AWS_*" is not a valid variable name`,
		},
		"AllowedForNothing": {
			why:     "who lists variables means them to be taken",
			content: `{"providers": [{"name": "a", "profileSourcedEnvVarsAllowed": ["CLUSTER"], ` + exec + `}]}`,
			want:    `providers[0].profileSourcedEnvVarsAllowed: has no effect while profileSourcedEnvVarsPolicy accepts none`,
		},
		"EnvName": {
			why: "it would set another variable",
			content: `{"providers": [{"name": "a", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": ` +
				`"x", "env": [{"name": "A=B", "value": "c"}]}}]}`,
			want: `providers[0].execConfig.env[0].name: "A=B" is not a valid variable name`,
		},
		"EnvTwice": {
			why: "which of the two counts is up to the plugin",
			content: `{"providers": [{"name": "a", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": ` +
				`"x", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}}]}`,
			want: `providers[0].execConfig.env[1].name: "A" is set twice`,
		},
		"Several": {
			why:     "who fixes a file wants to load it once more, not five times",
			content: `{"providers": [{"nam": "a", ` + exec + `}]}`,
			want:    "unknown field \"providers[0].nam\"\nproviders[0].name: must not be empty",
		},
		"Large": {
			why:     "a wrong mount must not fill the memory",
			content: `{"providers": []` + strings.Repeat(" ", 1<<20) + `}`,
			want:    "is larger than 1048576 bytes",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path := file(t, tc.content)
			_, err := access.Load(path, access.Options{})
			if err == nil {
				t.Fatalf("%s: accepted", tc.why)
			}
			got := strings.TrimPrefix(err.Error(), "the provider file "+path+" cannot be used:\n")
			got = strings.TrimPrefix(got, "the provider file "+path+" ")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nerror -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestLoadAcceptsPublishedFiles(t *testing.T) {
	cases := map[string]struct{ why, path string }{
		"Sample": {why: "our own sample is the first thing people copy", path: "../../../config/samples/clusterprofile-provider-file.json"},
		// The three files below are those of the projects' documentation.
		"Headlamp": {
			why: "its documentation's file",
			path: file(
				t,
				`{"providers": [{"name": "static-token-spoke-a", "execConfig": {
			"apiVersion": "client.authentication.k8s.io/v1", "command": "/tmp/headlamp-ci/static-token-exec.sh",
			"provideClusterInfo": true}}]}`,
			),
		},
		"HeadlampCAPI": {
			why: "its pull request's file for Cluster API, without cluster information",
			path: file(
				t,
				`{"providers": [{"name": "capi-secret", "execConfig": {
			"apiVersion": "client.authentication.k8s.io/v1", "command": "/tmp/credential-plugin.sh", "args": ["workload-1"],
			"provideClusterInfo": false}}]}`,
			),
		},
		"Sveltos": {why: "its documentation's file, with every field", path: file(t, `{"providers": [{"name": "my-provider", "execConfig": {
			"apiVersion": "client.authentication.k8s.io/v1", "command": "/usr/local/bin/my-credential-plugin",
			"args": ["--cluster-name", "$(CLUSTER_NAME)"],
			"env": [{"name": "MY_ENV", "value": "value"}], "provideClusterInfo": true, "interactiveMode": "Never"},
			"profileSourcedCLIArgsPolicy": "Append", "profileSourcedEnvVarsPolicy": "AppendIfNotExists"}]}`)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := access.Load(tc.path, access.Options{}); err != nil {
				t.Errorf("%s: %v", tc.why, err)
			}
		})
	}
}
