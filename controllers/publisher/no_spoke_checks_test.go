// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// crdOf is one of the project's own CRDs alone.
func crdOf(plural string) apiserver.CRDs {
	return func(root string) ([]byte, error) {
		return os.ReadFile(filepath.Join(root, "config/crd/bases", "capi-inventory.dev_"+plural+".yaml"))
	}
}

// A hub without a consumer need not have its API. Trust without it changes nothing, until it is installed.
func TestPublisherWithoutSpokeChecks(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	bare := apiserver.StartFor(t)
	g.Expect(bare.Install(apiserver.ClusterAPI, apiserver.ClusterProfiles, crdOf("inventories"), crdOf("accessgrants"))).To(Succeed())
	k8s, err := client.New(bare.Config(), client.Options{Scheme: newScheme()})
	g.Expect(err).NotTo(HaveOccurred())
	hub := &testHub{Server: bare, Client: k8s}
	namespace := hub.newNamespace(t, nil)
	hub.inventory(t, "alone", trusts, namespace)
	var asked atomic.Int64
	config := hub.Config()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if strings.HasSuffix(request.URL.Path, "/spokechecks") {
				asked.Add(1)
			}
			return next.RoundTrip(request)
		})
	})
	clock := clocktesting.NewFakeClock(time.Now())
	publisher := hub.startPublisherOn(t, config, withClock(clock))
	hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")), hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	profile := hub.published(t, g, namespace, "c1")
	over := hub.healthOver(t, clock, namespace, "c1")
	g.Eventually(over).Should(probeSucceeded())
	g.Consistently(over).Should(probeSucceeded())
	g.Expect(asked.Load()).To(BeZero(), "what is not served is not watched")
	g.Expect(publisher.logs.String()).NotTo(ContainSubstring(`"level":"error"`))

	g.Expect(bare.Install(crdOf("spokechecks"))).To(Succeed())
	hub.checkOf(t, clock, profile).reports(t, metav1.ConditionFalse, v1alpha1.ReasonConnectFailed, time.Hour)
	g.Eventually(over).Should(spokeSilent(), "it is noticed by itself")
}
