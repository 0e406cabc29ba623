// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package federation_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientauthenticationv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	"k8s.io/client-go/rest"

	"github.com/capi-inventory/capi-inventory/internal/spoke/federation"
)

func TestToken(t *testing.T) {
	audience := federation.DefaultAudiencePrefix + "https://london.example.com"
	for why, plugin := range map[string]federation.Plugin{
		"a consumer":                    {Hub: as(t, consumer)},
		"a user who names the consumer": {Hub: hub.Config(), Account: consumer},
	} {
		plugin.AudiencePrefix, plugin.Lifetime = federation.DefaultAudiencePrefix, 20*time.Minute
		credential := question("https://london.example.com")
		credential.Spec.Cluster.Config = runtime.RawExtension{Raw: fmt.Appendf(nil, `{"audience":%q}`, audience)}
		before := time.Now()
		status, err := plugin.GetToken(t.Context(), credential)
		if err != nil {
			t.Errorf("%s: %v", why, err)
			continue
		}
		if lifetime := status.ExpirationTimestamp.Sub(before.Truncate(time.Second)); lifetime < 20*time.Minute {
			t.Errorf("%s: the token expires after %s", why, lifetime)
		}
		if user := reviewed(t, status.Token, audience); user != "system:serviceaccount:fleet:consumer" {
			t.Errorf("%s: the token is of %q", why, user)
		}
		if user := reviewed(t, status.Token); user != "" {
			t.Errorf("%s: the hub accepts the token, as that of %q", why, user)
		}
	}
}

func TestTokenIsNotGiven(t *testing.T) {
	gone := httptest.NewTLSServer(http.NotFoundHandler())
	gone.Close()
	cases := map[string]struct {
		why       string
		hub       *rest.Config
		account   types.NamespacedName
		server    string
		extension string
		want      string
	}{
		"Server": {
			why:    "before the hub is asked",
			hub:    hub.Config(),
			server: "http://a",
			want:   "spec.cluster.server: is not an https URL with a host",
		},
		"Extension": {
			why:       "a profile cannot choose the audience",
			hub:       as(t, consumer),
			extension: `{"audience":"capi-inventory.dev/spoke/https://paris.example.com"}`,
			want: `spec.cluster.config.audience: "capi-inventory.dev/spoke/https://paris.example.com" is not the audience of the server ` +
				`and its certificate authority, which is "capi-inventory.dev/spoke/https://london.example.com"`,
		},
		"ExtensionShape": {
			why:       "what is not understood is not ignored",
			hub:       as(t, consumer),
			extension: `{"audience":["a"]}`,
			want:      "spec.cluster.config: is not an object, or its audience is not a string",
		},
		"Hub": {
			why:    "the spoke could act on the hub as the consumer",
			hub:    as(t, consumer),
			server: careless,
			want:   "the hub itself accepts the audience of the spoke: set another --audience-prefix, here and in the spokes",
		},
		"NoRight": {
			why: "the message names the right",
			hub: as(t, stranger),
			want: `requesting a token of the ServiceAccount fleet/stranger: serviceaccounts "stranger" is forbidden: ` +
				`User "system:serviceaccount:fleet:stranger" cannot create resource "serviceaccounts/token" in API group ""`,
		},
		"AnotherAccount": {
			why:     "the right is to tokens of its own",
			hub:     as(t, consumer),
			account: stranger,
			want: `requesting a token of the ServiceAccount fleet/stranger: serviceaccounts "stranger" is forbidden: ` +
				`User "system:serviceaccount:fleet:consumer" cannot create resource "serviceaccounts/token" in API group ""`,
		},
		"NoAccount": {
			why:     "misspelt flags",
			hub:     hub.Config(),
			account: types.NamespacedName{Namespace: "fleet", Name: "consumr"},
			want:    `requesting a token of the ServiceAccount fleet/consumr: serviceaccounts "consumr" not found`,
		},
		"User": {
			why:  "people have no tokens of their own",
			hub:  hub.Config(),
			want: `the user of the hub is "admin" and not a ServiceAccount: set --namespace and --service-account`,
		},
		"NoHub": {
			why:  "the hub does not answer",
			hub:  &rest.Config{Host: gone.URL},
			want: `asking the hub who its user is: Post "` + gone.URL + `/apis/authentication.k8s.io/v1/selfsubjectreviews": `,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			plugin := federation.Plugin{
				Hub: tc.hub, Account: tc.account, AudiencePrefix: federation.DefaultAudiencePrefix, Lifetime: time.Hour,
			}
			if tc.server == "" {
				tc.server = "https://london.example.com"
			}
			credential := question(tc.server)
			credential.Spec.Cluster.Config = runtime.RawExtension{Raw: []byte(tc.extension)}
			status, err := plugin.GetToken(t.Context(), credential)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) || status.Token != "" {
				t.Errorf("%s:\n%v, want\n%s", tc.why, err, tc.want)
			}
		})
	}
}

func question(server string) clientauthenticationv1.ExecCredential {
	return clientauthenticationv1.ExecCredential{
		Spec: clientauthenticationv1.ExecCredentialSpec{Cluster: &clientauthenticationv1.Cluster{Server: server}},
	}
}
