// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// TestPluginEnvironment: plugins get what they need and nothing more of the consumer's environment.
func TestPluginEnvironment(t *testing.T) {
	t.Setenv("CONSUMERS_OWN_SECRET", "s")
	t.Setenv("KUBECONFIG", "/other")
	t.Setenv("KUBERNETES_SERVICE_HOST", "pod")
	t.Setenv("HTTPS_PROXY", "http://proxy")
	always := []string{
		"KUBECONFIG=/hub", "HTTPS_PROXY=http://proxy", "TMPDIR=/from-the-file", "--flag",
		`KUBERNETES_EXEC_INFO={"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",` +
			`"spec":{"cluster":{"server":"https://spoke","config":{"clusterName":"c"}},"interactive":false}}`,
	}
	cases := map[string]struct {
		why           string
		environment   []string
		given, denied []string
	}{
		"Service": {
			why:         "the consumer's secrets are not for plugins",
			environment: credential.Inherited(),
			denied:      []string{"CONSUMERS_OWN_SECRET", "KUBERNETES_SERVICE_HOST"},
		},
		"Person": {
			why:         "a login may rely on all that the person has set, but not for where the hub is",
			environment: credential.Personal(),
			given:       []string{"CONSUMERS_OWN_SECRET=s"},
			denied:      []string{"KUBERNETES_SERVICE_HOST"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			source, _ := newSource(time.Minute)
			source.Environment = slices.Concat(tc.environment, []string{"TMPDIR=/other"})
			source.Hub = func() ([]string, error) { return []string{"KUBECONFIG=/hub"}, nil }
			config := dialling(plugin("environment", "TMPDIR=/from-the-file"))
			config.ExecProvider.Args = []string{"--flag"}
			config.ExecProvider.ProvideClusterInfo = true
			config.ExecProvider.Config = &apiruntime.Unknown{Raw: []byte(`{"clusterName":"c"}`), ContentType: apiruntime.ContentTypeJSON}
			got := dump(t, source, config)
			for _, want := range append(always, tc.given...) {
				if !slices.ContainsFunc(got, func(s string) bool { return strings.TrimSpace(s) == want }) {
					t.Errorf("%s: the plugin was not given %s, but\n%s", tc.why, want, strings.Join(got, "\n"))
				}
			}
			for _, denied := range tc.denied {
				if slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, denied+"=") }) {
					t.Errorf("%s: the plugin was given %s", tc.why, denied)
				}
			}
		})
	}
}

// dump returns the environment and the arguments that a plugin is given.
func dump(t *testing.T, source *credential.Source, config *rest.Config) []string {
	t.Helper()
	got, _, err := source.Get(t.Context(), spoke, "p", config)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(got.Token)
	if err != nil {
		t.Fatal(err)
	}
	var variables []string
	if err := json.Unmarshal(raw, &variables); err != nil {
		t.Fatal(err)
	}
	return variables
}

// TestPluginIsNotRunWithoutHub: without a hub the plugin cannot work.
func TestPluginIsNotRunWithoutHub(t *testing.T) {
	source, _ := newSource(time.Minute)
	source.Hub = func() ([]string, error) { return nil, errors.New("disk full") }
	_, _, err := source.Get(t.Context(), spoke, "p", dialling(&clientcmdapi.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1",
		Command:    "x",
	}))
	if diff := cmp.Diff("The plugin x of the access provider p cannot "+
		"be configured for the hub: disk full", failure.From(err, "").Message); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
