// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/prometheus/common/expfmt"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// TestNoSecretLeaves looks for the tokens of administrator and ServiceAccount everywhere but in the Secrets where they belong.
func TestNoSecretLeaves(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	var administrator atomic.Value
	s.throughProxy(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.UserAgent() == userAgent {
			// The first request of all is the administrator's.
			administrator.CompareAndSwap(nil, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		}
		next.ServeHTTP(w, r)
	})
	importing := &importing{s}
	importing.setPolicy(v1alpha1.ClusterPropertyPolicyImport)
	running := s.startBroker()
	s.granted(g)
	g.Eventually(importing.imported).Should(Equal("True Imported"))
	g.Eventually(s.joined).Should(ContainSubstring("its access is published"))
	secret := s.secret()
	granted := s.tokenIn(secret)
	g.Expect(string(secret.Data["value"])).NotTo(ContainSubstring(fmt.Sprint(administrator.Load())))
	running.stop()
	s.leaksNothing(t, running, fmt.Sprint(administrator.Load()), granted)
}

func (s *stage) tokenIn(secret *corev1.Secret) string {
	_, token, _ := strings.Cut(string(secret.Data["value"]), "token: ")
	token, _, _ = strings.Cut(token, "\n")
	return token
}

// credential matches JSON Web Tokens, private keys in PEM, also in base64, and the fields of a kubeconfig that hold them. A line of
// YAML begins after a line break, which JSON writes as \n; "cannot request a token: Post ..." is a message.
var credential = regexp.MustCompile(
	`eyJ[\w-]{10,}\.[\w-]{10,}|PRIVATE KEY|LS0tLS1CRUdJTi(BSU0Eg|BFQyBQ|BQUklW|BFTkNS)|client-key-data|(\n|\\n)\s*token: \S`,
)

func TestCredentialPattern(t *testing.T) {
	for text, found := range map[string]bool{
		"cannot request a token: Post \"https://a\"":  false,
		"users:\n- name: a\n  user:\n    token: abc":  true,
		`{"value":"user:\n    token: abc"}`:           true,
		"Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrIn0": true,
		"-----BEGIN RSA PRIVATE KEY-----":             true,
	} {
		if credential.MatchString(text) != found {
			t.Errorf("%q: want a credential found: %t", text, found)
		}
	}
}

// leaksNothing looks for secrets in everything that others may read, and in the logs.
func (s *stage) leaksNothing(t *testing.T, of *broker, secrets ...string) {
	t.Helper()
	seen := map[string]string{"the logs": of.logs.String()}
	families, err := of.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var metrics strings.Builder
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&metrics, family); err != nil {
			t.Fatal(err)
		}
	}
	seen["the metrics"] = metrics.String()
	for name, list := range map[string]client.ObjectList{
		"grants":      &v1alpha1.AccessGrantList{},
		"profiles":    &inventoryv1alpha1.ClusterProfileList{},
		"Events":      &eventsv1.EventList{},
		"Inventories": &v1alpha1.InventoryList{},
	} {
		if err := s.hub.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		seen[name] = string(raw)
	}
	for where, text := range seen {
		if found := credential.FindString(text); found != "" {
			t.Errorf("%s contain what looks like a credential: %.20s", where, found)
		}
	}
	for _, secret := range secrets {
		if len(secret) < 20 {
			t.Fatalf("%q is not a token", secret)
		}
		for where, text := range seen {
			if strings.Contains(text, secret) {
				t.Errorf("%s contain a token", where)
			}
		}
	}
}
