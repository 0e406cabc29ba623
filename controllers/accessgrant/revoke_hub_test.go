// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	"k8s.io/client-go/rest"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/controllers/accessgrant"
)

// answering has the hub answer the broker's requests that match in another way, while a switch is on.
func answering(on *atomic.Bool, code int, kind, body string, matches func(*http.Request) bool) brokerOption {
	return func(_ *accessgrant.Options, config *rest.Config) {
		config.Wrap(func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(request *http.Request) (*http.Response, error) {
				if !on.Load() || !matches(request) {
					return next.RoundTrip(request)
				}
				return &http.Response{
					StatusCode: code,
					Status:     http.StatusText(code),
					Header:     http.Header{"Content-Type": {kind}},
					Body:       io.NopCloser(strings.NewReader(body)),
					Request:    request,
				}, nil
			})
		})
	}
}

// TestRevocationWaitsForTheKindOfClusters: an API server that does not serve Clusters, for a moment or since Cluster API is gone, does not
// say that a Cluster is gone, and that nothing is left to be revoked on its spoke.
func TestRevocationWaitsForTheKindOfClusters(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	unserved := &atomic.Bool{}
	s.startBroker(answering(unserved, http.StatusNotFound, "text/plain", "404 page not found\n", func(request *http.Request) bool {
		return strings.HasSuffix(request.URL.Path, "/clusters/c1")
	}))
	s.granted(g)
	unserved.Store(true)
	s.stopAsking(g)
	g.Eventually(s.condition("Degraded")).Should(Equal("True KubeconfigUnusable"))
	g.Expect(s.account()).NotTo(BeNil())

	unserved.Store(false)
	g.Eventually(s.grant).Should(BeNil())
	g.Expect(s.account()).To(BeNil())
}

// TestSecretThatCannotBeDeletedKeepsNothingOnTheSpoke: where the hub refuses to delete the Secret, its token ends on the spoke, and the
// grant says why it is still there.
func TestSecretThatCannotBeDeletedKeepsNothingOnTheSpoke(t *testing.T) {
	s := newStage(t, readConfigMaps())
	g := NewWithT(t)
	refused := &atomic.Bool{}
	status := `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}`
	s.startBroker(answering(refused, http.StatusForbidden, "application/json", status, func(request *http.Request) bool {
		return request.Method == http.MethodDelete && strings.HasSuffix(request.URL.Path, "/secrets/"+grantName+".access")
	}))
	s.granted(g)
	refused.Store(true)
	s.stopAsking(g)
	g.Eventually(s.condition("Degraded")).Should(Equal("True SecretNotWritten"))
	g.Expect(s.message()).To(ContainSubstring(grantName + ".access"))
	g.Expect(s.condition("Ready")()).To(Equal("False Revoking"))
	g.Expect(s.account()).To(BeNil(), "the spoke is free of it")

	refused.Store(false)
	g.Eventually(s.grant).Should(BeNil())
	g.Expect(s.secret()).To(BeNil())
}

// TestRevocationReportsWhatTheHubRefuses: properties that the broker may not take back keep no rights on the spoke, and the grant says why
// it is still there.
func TestRevocationReportsWhatTheHubRefuses(t *testing.T) {
	i := &importing{newStage(t, readConfigMaps())}
	g := NewWithT(t)
	i.setPolicy(v1alpha1.ClusterPropertyPolicyImport)
	refused := &atomic.Bool{}
	status := `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}`
	i.startBroker(answering(refused, http.StatusForbidden, "application/json", status, func(request *http.Request) bool {
		return request.Method == http.MethodPatch && strings.HasSuffix(request.URL.Path, "/clusterprofiles/c1/status")
	}))
	g.Eventually(i.properties).Should(HaveKey("cluster.clusterset.k8s.io"))
	name := i.importGrant().Name
	g.Expect(i.accountOf(name)).NotTo(BeNil())

	refused.Store(true)
	i.setPolicy(v1alpha1.ClusterPropertyPolicyIgnore)
	g.Eventually(func() string {
		if of := i.importGrant(); of != nil {
			return reasonOf(of.Status.Conditions, "Degraded")
		}
		return ""
	}).Should(Equal("True ProfileNotWritten"))
	g.Expect(i.accountOf(name)).To(BeNil(), "the spoke is free of it")

	refused.Store(false)
	g.Eventually(i.importGrant).Should(BeNil())
	g.Expect(i.properties()).To(BeEmpty())
}
