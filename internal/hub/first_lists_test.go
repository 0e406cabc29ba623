// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

// TestFirstListsMayTakeLong: an API server may take as long for a list as the controllers wait for it. By default it is asked to end the
// watch that begins with the list after five to ten minutes, and the list begins again.
func TestFirstListsMayTakeLong(t *testing.T) {
	server, err := apiserver.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	config, limits := server.Config(), make(chan time.Duration, 1)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return listLimits{next, limits} })
	options := (&hub.Flags{}).ManagerOptions(hub.NewScheme(clientgoscheme.AddToScheme), "lease")
	hubCache, err := options.NewCache(config, cache.Options{Scheme: options.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hubCache.GetInformer(t.Context(), &corev1.Namespace{}, cache.BlockUntilSynced(false)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- hubCache.Start(t.Context()) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if !hubCache.WaitForCacheSync(t.Context()) {
		t.Fatal("the cache has not listed the namespaces")
	}
	var system corev1.Namespace
	if err := hubCache.Get(t.Context(), client.ObjectKey{Name: metav1.NamespaceSystem}, &system); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(options.Controller.CacheSyncTimeout, <-limits); diff != "" {
		t.Errorf("the time that controllers wait for a list and that the API server has for it: -want +got:\n%s", diff)
	}
}

// listLimits takes from requests for a list by a watch how long the API server may take.
type listLimits struct {
	next   http.RoundTripper
	limits chan<- time.Duration
}

func (l listLimits) RoundTrip(request *http.Request) (*http.Response, error) {
	query := request.URL.Query()
	if query.Get("sendInitialEvents") == "true" {
		seconds, err := strconv.Atoi(query.Get("timeoutSeconds"))
		if err != nil {
			return nil, err
		}
		select {
		case l.limits <- time.Duration(seconds) * time.Second:
		default: // the first one is known
		}
	}
	return l.next.RoundTrip(request)
}
