// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package kubeconfig_test

import (
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/cli/kubeconfig"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
)

var london = &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "london"}}

// connection returns a connection with every field set.
func connection(change ...func(*rest.Config)) access.Connection {
	config := &rest.Config{
		Host:            "https://10.0.0.1:6443",
		TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca"), ServerName: "kubernetes"},
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy:3128"}),
		ExecProvider: &clientcmdapi.ExecConfig{
			Command: "my-plugin", APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: "Never", ProvideClusterInfo: true,
			Args:   []string{"--fleet"},
			Config: &runtime.Unknown{Raw: []byte(`{"clusterName":"london"}`), ContentType: runtime.ContentTypeJSON},
		},
	}
	for _, c := range change {
		c(config)
	}
	return access.Connection{Config: config}
}

func TestWithPlugin(t *testing.T) {
	here, err := filepath.Abs("bin/my-plugin")
	if err != nil {
		t.Fatal(err)
	}
	hub := []clientcmdapi.ExecEnvVar{{Name: "KUBECONFIG", Value: "/home/me/hub"}}
	own := []clientcmdapi.ExecEnvVar{{Name: "KUBECONFIG", Value: "/etc/hub"}}
	cases := map[string]struct {
		why     string
		change  func(*rest.Config)
		hub     string
		command string
		env     []clientcmdapi.ExecEnvVar
	}{
		"HubIsSet": {
			why:     "kubectl's own kubeconfig would be the spoke's",
			change:  func(*rest.Config) {},
			hub:     "/home/me/hub",
			command: "my-plugin",
			env:     hub,
		},
		"NoHub": {why: "the plugin needs no hub", change: func(*rest.Config) {}, command: "my-plugin"},
		"SetByFile": {
			why:     "the provider file comes first",
			change:  func(c *rest.Config) { c.ExecProvider.Env = own },
			hub:     "/home/me/hub",
			command: "my-plugin",
			env:     own,
		},
		"RelativePath": {
			why:     "paths in a kubeconfig are relative to the file",
			change:  func(c *rest.Config) { c.ExecProvider.Command = "bin/my-plugin" },
			command: here,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			source := connection(tc.change)
			got, err := kubeconfig.WithPlugin(london, source, tc.hub)
			if err != nil {
				t.Fatal(err)
			}
			want := kubeconfig.Context{
				Name: "team-a/london",
				Cluster: &clientcmdapi.Cluster{
					Server:                   "https://10.0.0.1:6443",
					CertificateAuthorityData: []byte("ca"),
					TLSServerName:            "kubernetes",
					ProxyURL:                 "http://proxy:3128",
					Extensions: map[string]runtime.Object{
						"client.authentication.k8s.io/exec": source.Config.ExecProvider.Config,
					},
				},
				User: &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
					Command:            tc.command,
					Args:               []string{"--fleet"},
					Env:                tc.env,
					APIVersion:         "client.authentication.k8s.io/v1",
					InteractiveMode:    "Never",
					ProvideClusterInfo: true,
					Config:             source.Config.ExecProvider.Config,
				}},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(connection(tc.change).Config.ExecProvider, source.Config.ExecProvider); diff != "" {
				t.Errorf("the connection was changed -want +got:\n%s", diff)
			}
		})
	}
}

func TestWithCredential(t *testing.T) {
	got, err := kubeconfig.WithCredential(london, connection(), &credential.Credential{
		Token:       "token",
		Certificate: []byte("certificate"),
		Key:         []byte("key"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&clientcmdapi.AuthInfo{
		Token:                 "token",
		ClientCertificateData: []byte("certificate"),
		ClientKeyData:         []byte("key"),
	}, got.User); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.Cluster.Extensions != nil {
		t.Error("there is no plugin, so there is no extension")
	}
}

// simple returns a context that differs from others only by its server.
func simple(name, server string) kubeconfig.Context {
	return kubeconfig.Context{Name: name, Cluster: &clientcmdapi.Cluster{Server: server}, User: &clientcmdapi.AuthInfo{Token: "t"}}
}

func TestMerge(t *testing.T) {
	cases := map[string]struct {
		why      string
		before   func(*clientcmdapi.Config)
		contexts []kubeconfig.Context
		replace  bool
		want     kubeconfig.Outcome
		conflict []string
		current  string
	}{
		"Single": {
			why:      "a single context becomes the current one",
			before:   func(*clientcmdapi.Config) {},
			contexts: []kubeconfig.Context{simple("a", "1")},
			want:     kubeconfig.Outcome{Added: []string{"a"}},
			current:  "a",
		},
		"Several": {
			why:      "of several contexts, none becomes the current one",
			before:   func(*clientcmdapi.Config) {},
			contexts: []kubeconfig.Context{simple("a", "1"), simple("b", "2")},
			want:     kubeconfig.Outcome{Added: []string{"a", "b"}},
		},
		"CurrentStays": {
			why:      "the current context is kept",
			before:   func(c *clientcmdapi.Config) { c.CurrentContext = "mine" },
			contexts: []kubeconfig.Context{simple("a", "1")},
			want:     kubeconfig.Outcome{Added: []string{"a"}},
			current:  "mine",
		},
		"Conflict": {
			why:      "an entry of that name exists",
			before:   func(c *clientcmdapi.Config) { c.Clusters["a"] = &clientcmdapi.Cluster{Server: "other"} },
			contexts: []kubeconfig.Context{simple("a", "1"), simple("b", "2")},
			conflict: []string{"a"},
		},
		"UserOfTheName": {
			why:      "a user of that name is a conflict, too",
			before:   func(c *clientcmdapi.Config) { c.AuthInfos["a"] = &clientcmdapi.AuthInfo{Token: "other"} },
			contexts: []kubeconfig.Context{simple("a", "1")},
			conflict: []string{"a"},
		},
		"Replace": {
			why:      "the flag allows it",
			before:   func(c *clientcmdapi.Config) { c.Clusters["a"] = &clientcmdapi.Cluster{Server: "other"} },
			contexts: []kubeconfig.Context{simple("a", "1")},
			replace:  true,
			want:     kubeconfig.Outcome{Replaced: []string{"a"}},
			current:  "a",
		},
		"Same": {why: "equal entries are not a conflict, and the namespace of a user is kept", before: func(c *clientcmdapi.Config) {
			c.Clusters["a"], c.AuthInfos["a"] = &clientcmdapi.Cluster{
				Server:           "1",
				LocationOfOrigin: "file",
			}, &clientcmdapi.AuthInfo{Token: "t"}
			c.Contexts["a"], c.CurrentContext = &clientcmdapi.Context{Cluster: "a", AuthInfo: "a", Namespace: "mine"}, "a"
		}, contexts: []kubeconfig.Context{simple("a", "1")}, want: kubeconfig.Outcome{Same: []string{"a"}}, current: "a"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			config, before := clientcmdapi.NewConfig(), clientcmdapi.NewConfig()
			tc.before(config)
			tc.before(before)
			got, err := kubeconfig.Merge(config, tc.contexts, tc.replace)
			var conflict *kubeconfig.ConflictError
			if errors.As(err, &conflict) {
				if diff := cmp.Diff(before, config); diff != "" {
					t.Errorf("%s: a conflict changed something -want +got:\n%s", tc.why, diff)
				}
				if diff := cmp.Diff(tc.conflict, conflict.Names); diff != "" {
					t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
				}
				return
			}
			if err != nil || tc.conflict != nil {
				t.Fatalf("%s: got %v, want a conflict of %v", tc.why, err, tc.conflict)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
			if config.CurrentContext != tc.current {
				t.Errorf("%s: the current context is %q, want %q", tc.why, config.CurrentContext, tc.current)
			}
			if name == "Same" && config.Contexts["a"].Namespace != "mine" {
				t.Errorf("%s: the namespace is gone", tc.why)
			}
		})
	}
}
