// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// TestPluginMessagesAreScrubbed: a plugin's last line is published, and must neither contain a credential nor change every time.
func TestPluginMessagesAreScrubbed(t *testing.T) {
	cases := map[string]struct{ why, complaint, want string }{
		"Token": {why: "a debug print of the request", complaint: "401 for Bearer abc.def", want: "401 for Bearer …"},
		"Header": {
			why:       "the scheme is not the credential",
			complaint: "sent Authorization: Bearer abc.def to the server",
			want:      "sent Authorization: … to the server",
		},
		"HeaderJSON": {
			why:       "a request, printed as JSON",
			complaint: `sent {"Authorization":"Bearer abc.def","Accept":"x"}`,
			want:      `sent {"Authorization":"…","Accept":"x"}`,
		},
		"HeaderGo": {
			why:       "a request, printed by Go",
			complaint: "sent map[Accept:[x] Authorization:[Bearer abc.def] Via:[y]]",
			want:      "sent map[Accept:[x] Authorization:[… Via:[y]]",
		},
		"HeaderToken": {
			why:       "the scheme of code hosts",
			complaint: "sent authorization: token abc.def",
			want:      "sent authorization: …",
		},
		"ClientSecret": {
			why:       "the body of a request for a token",
			complaint: "400 for client_id=kubernetes&client_secret=hunter2",
			want:      "400 for client_id=kubernetes&client_secret=…",
		},
		"AccessToken": {why: "YAML", complaint: "got access_token: hunter2", want: "got access_token: …"},
		"RefreshToken": {
			why:       "the answer of an identity provider",
			complaint: `got {"refresh_token":"hunter2","expires_in":"60"}`,
			want:      `got {"refresh_token":"…","expires_in":"60"}`,
		},
		"Quoted": {
			why:       "JSON in a quoted message",
			complaint: `msg="got {\"id_token\": \"hunter2\"}"`,
			want:      `msg="got {\"id_token\": \"…"}"`,
		},
		"Spaces": {
			why:       "a password of several words",
			complaint: `{"password": "correct horse", "passphrase": 'battery staple'}`,
			want:      `{"password": "…", "passphrase": '…'}`,
		},
		"CamelCase": {why: "likewise", complaint: "accessToken=hunter2 apiKey=swordfish", want: "accessToken=… apiKey=…"},
		"AWS": {
			why:       "its variables",
			complaint: "AWS_SECRET_ACCESS_KEY=hunter2 is unknown",
			want:      "AWS_SECRET_ACCESS_KEY=… is unknown",
		},
		"Words": {
			why:       "what introduces a credential is also a word",
			complaint: "the token expired; no secret team-a/london; 2 tokens; secrets: none; authorization failed; secretName=a",
			want:      "the token expired; no secret team-a/london; 2 tokens; secrets: none; authorization failed; secretName=a",
		},
		"JWT": {
			why:       "without the word before it",
			complaint: "cannot refresh eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLXdpdGgtMS1kaWdpdA",
			want:      "cannot refresh ….….…",
		},
		"Password": {
			why:       "a configuration, printed",
			complaint: `{"user": "u", "password": "hunter2"}`,
			want:      `{"user": "u", "password": "…"}`,
		},
		"URL": {
			why:       "a proxy with a password",
			complaint: "proxyconnect http://u:p@proxy:3128 failed",
			want:      "proxyconnect http://…@proxy:3128 failed",
		},
		"Hex": {why: "a key", complaint: "key 0123456789abcdef0123456789abcdef is wrong", want: "key … is wrong"},
		"Variable": {
			why:       "the provider file may hold the plugin's own secret",
			complaint: "client swordfish-1 is unknown",
			want:      "client … is unknown",
		},
		"Klog": {
			why:       "time and process number change every time",
			complaint: "E1120 11:17:35.123456   12345 main.go:12] no",
			want:      "main.go:12] no",
		},
		"Time": {
			why:       "so does any time",
			complaint: `time="2026-11-20T11:17:35.1+01:00" level=fatal msg=no`,
			want:      `time="…" level=fatal msg=no`,
		},
		"Port": {
			why:       "and the near end of a connection",
			complaint: "read tcp 10.0.0.1:53412->10.0.0.2:443: connection reset",
			want:      "read tcp 10.0.0.2:443: connection reset",
		},
		"Address": {
			why:       "and where something lies in memory",
			complaint: "panic: (main.T) (0x4a5b60,0xc00001c0a8)",
			want:      "panic: (main.T) (0x4a5b60,…)",
		},
		"RequestID": {
			why:       "and what a cloud calls a request",
			complaint: "RequestID: 4b7a2d7e-9c0f-4d7a-8a51-0c7d9c2f5a11 denied",
			want:      "RequestID: … denied",
		},
		"ObjectName": {
			why:       "what a person needs must stay, however long",
			complaint: `secrets "team-a-production-eu-west-1-kubeconfig" not found`,
			want:      `secrets "team-a-production-eu-west-1-kubeconfig" not found`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, _ := newSource(10 * time.Second)
			_, _, err := source.Get(t.Context(), spoke, "p", dialling(complaining(tc.complaint)))
			_, got, _ := strings.Cut(failure.From(err, "").Message, "failed (exit status 3): ")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}
