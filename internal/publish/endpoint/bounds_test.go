// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package endpoint_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
)

// TestRejectionsAreBounded: a user who may write a kubeconfig chooses the names in it, and a rejection that quotes them goes into
// conditions, Events and the status of an Inventory, which all have limits.
func TestRejectionsAreBounded(t *testing.T) {
	long := strings.Repeat("n", 100<<10)
	named := func(context, cluster, user, body string) []byte {
		return fmt.Appendf(
			nil,
			"apiVersion: v1\nkind: Config\ncurrent-context: %s\nclusters: [{name: c, cluster: {server: "+
				"'https://a:1'}}]\nusers: [{name: %s, user: {%s}}]\ncontexts: [{name: %s, context: {cluster: %s, user: %s}}]\n",
			context,
			user,
			body,
			strings.TrimSuffix(context, "-dangling"),
			cluster,
			user,
		)
	}
	for name, raw := range map[string][]byte{
		"Context":       named(long+"-dangling", "c", "u", "token: t"),
		"Cluster":       named("a", long, "u", "token: t"),
		"User":          named("a", "c", long, ""),
		"ExecUser":      named("a", "c", long, "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Never}"),
		"TokenFile":     named("a", "c", long, "tokenFile: /t"),
		"ControlCodes":  named("a", "c", `"u\n\e[31m\u202e"`, ""),
		"ServerScheme":  withServer(strings.Repeat("s", 2000) + "://a"),
		"ServerHost":    withServer("https://" + strings.Repeat("_", 2000)),
		"ServerPort":    withServer("https://a:" + strings.Repeat("9", 2000)),
		"ProxyScheme":   withServer("https://a:1\n    proxy-url: " + strings.Repeat("s", 2000) + "://p"),
		"TLSServerName": withServer("https://a:1\n    tls-server-name: " + long),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := endpoint.Parse(raw)
			var rejected *endpoint.RejectedError
			if !errors.As(err, &rejected) {
				t.Fatalf("got %v, want a rejection", err)
			}
			checkBounds(t, rejected)
		})
	}
}

// checkBounds holds a rejection against what every reader of its message can take.
func checkBounds(t *testing.T, rejected *endpoint.RejectedError) {
	t.Helper()
	if len(rejected.Message) > 512 {
		t.Errorf("the message has %d bytes", len(rejected.Message))
	}
	if i := strings.IndexFunc(rejected.Message, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x202e }); i >= 0 {
		t.Errorf("the message has a control character: %q", rejected.Message)
	}
	for _, word := range strings.Fields(rejected.Message) {
		if len(word) > 100 {
			t.Errorf("the message quotes %d bytes in a row: %s", len(word), word)
		}
	}
}

// TestUnusableUserLeavesTheEndpoint: an access provider that brings credentials of its own needs the endpoint alone.
func TestUnusableUserLeavesTheEndpoint(t *testing.T) {
	want := endpoint.Endpoint{Server: "https://10.0.0.1:6443", CertificateAuthorityData: ca}
	for name, tc := range map[string]struct {
		raw    []byte
		reason endpoint.Reason
	}{
		"Exec": {
			raw:    withUser("exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, interactiveMode: Never}"),
			reason: endpoint.ExecUser,
		},
		"AuthProvider": {raw: withUser("auth-provider: {name: gcp}"), reason: endpoint.AuthProviderUser},
		"TokenFile":    {raw: withUser("tokenFile: /var/run/secrets/token"), reason: endpoint.FileReference},
		"Basic":        {raw: withUser("username: a\n    password: s3cr3t"), reason: endpoint.NoCredentials},
		"NoUser": {
			raw:    []byte(strings.Replace(string(good().bytes()), "user: admin}", "user: other}", 1)),
			reason: endpoint.NoCurrentContext,
		},
		"Extensions": {
			raw:    with(func(c *config) { c.after = "extensions: [{name: x, extension: {}}]" }),
			reason: endpoint.UnsupportedExtensions,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := endpoint.Parse(tc.raw)
			var rejected *endpoint.RejectedError
			if !errors.As(err, &rejected) || rejected.Reason != tc.reason || !rejected.EndpointUsable {
				t.Fatalf("got %#v, want %s with a usable endpoint", err, tc.reason)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	t.Run("NeitherUsable", func(t *testing.T) {
		got, err := endpoint.Parse(with(func(c *config) {
			c.cluster, c.user = "server: http://10.0.0.1:8080", "auth-provider: {name: gcp}"
		}))
		var rejected *endpoint.RejectedError
		if !errors.As(err, &rejected) || rejected.Reason != endpoint.InvalidServer || rejected.EndpointUsable {
			t.Errorf("got %#v; what no consumer can use is reported first", err)
		}
		if diff := cmp.Diff(endpoint.Endpoint{}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}
