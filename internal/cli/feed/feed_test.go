// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package feed_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capi-inventory/capi-inventory/internal/cli/feed"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

// patience is how long a test waits for a state, on a busy machine.
const patience = 3 * time.Minute

var server *apiserver.Server

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	apiserver.RunOnHub(m, func(started *apiserver.Server) error {
		server = started
		return nil
	})
}

// refuser answers the next requests for profiles itself, in place of the hub.
type refuser struct {
	next http.RoundTripper

	mu     sync.Mutex
	code   int
	number int
}

// refuse answers a number of requests with the code; a negative number means all.
func (r *refuser) refuse(code, number int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.code, r.number = code, number
}

// take returns the code for a request; 0 if the hub is to answer it.
func (r *refuser) take(request *http.Request) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.number == 0 || !strings.HasSuffix(request.URL.Path, "/clusterprofiles") {
		return 0
	}
	r.number--
	return r.code
}

func (r *refuser) RoundTrip(request *http.Request) (*http.Response, error) {
	code := r.take(request)
	if code == 0 {
		return r.next.RoundTrip(request)
	}
	refused := apierrors.NewGenericServerResponse(code, request.Method, inventoryv1alpha1.Resource("clusterprofiles"), "", "", 0, false)
	raw, err := json.Marshal(refused.Status())
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: code,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(string(raw))),
		Request:    request,
	}, nil
}

// state is what a feed has reported.
type state struct {
	mu      sync.Mutex
	names   sets.Set[string]
	failing bool
	failed  error
	ended   error
}

func (s *state) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *state) Put(object client.Object) {
	s.set(func() { s.names.Insert(object.GetName()) })
}

func (s *state) Remove(object client.Object) {
	s.set(func() {
		s.names.Delete(object.GetName())
	})
}

func (s *state) Synced()          {}
func (s *state) Failed(err error) { s.set(func() { s.failing, s.failed = true, err }) }
func (s *state) Recovered()       { s.set(func() { s.failing = false }) }
func (s *state) Ended(err error)  { s.set(func() { s.ended = err }) }

func (s *state) objects() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sets.List(s.names)
}

func (s *state) isFailing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failing
}

// errors returns the last error of the hub, and the error with which the feed has ended.
func (s *state) errors() (failed, ended error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed, s.ended
}

func (s *state) end() error {
	_, ended := s.errors()
	return ended
}

// watched is a feed of the profiles of a namespace.
type watched struct {
	*gomega.WithT
	t         *testing.T
	namespace string
	port      *apiserver.Forwarder
	refuser   *refuser
	state     *state
	admin     client.Client
}

// newWatched returns a feed that has not been started.
func newWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{WithT: gomega.NewWithT(t), t: t, refuser: &refuser{}, state: &state{names: sets.New[string]()}}
	w.SetDefaultEventuallyTimeout(patience)
	var err error
	w.admin, err = client.New(server.Config(), client.Options{Scheme: hub.NewScheme(clientgoscheme.AddToScheme)})
	w.must(err)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "feed-"}}
	w.must(w.admin.Create(t.Context(), namespace))
	w.namespace = namespace.Name
	w.port, err = server.Forward()
	w.must(err)
	t.Cleanup(func() { w.must(w.port.Close()) })
	return w
}

func (w *watched) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) start() {
	w.t.Helper()
	config := server.Config()
	config.Host = w.port.URL()
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		w.refuser.next = next
		return w.refuser
	})
	reader, err := client.NewWithWatch(config, client.Options{Scheme: w.admin.Scheme()})
	w.must(err)
	w.must(feed.Feed{
		Kind:      "ClusterProfiles",
		Object:    &inventoryv1alpha1.ClusterProfile{},
		NewList:   func() client.ObjectList { return &inventoryv1alpha1.ClusterProfileList{} },
		Namespace: w.namespace,
	}.Start(w.t.Context(), reader, w.state))
}

// create creates a profile.
func (w *watched) create(name string) {
	w.t.Helper()
	p := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name}}
	p.Spec.ClusterManager.Name = "test"
	w.must(w.admin.Create(w.t.Context(), p))
}

// interrupt ends the watch; the hub refuses a number of the requests that follow.
func (w *watched) interrupt(code, number int) {
	w.refuser.refuse(code, number)
	w.port.Drop()
}

// TestRefusedForAMoment: a feed that has watched survives what the hub refuses for a moment, reports it, and keeps its objects.
func TestRefusedForAMoment(t *testing.T) {
	cases := map[string]struct {
		why          string
		code, number int
	}{
		"Token":     {why: "client-go refreshes the credential after the 401, and returns it", code: http.StatusUnauthorized, number: 2},
		"Start":     {why: "an API server that has just started does not know the rights", code: http.StatusForbidden, number: 3},
		"Discovery": {why: "an API server that has just started does not know its CRDs", code: http.StatusNotFound, number: 3},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWatched(t)
			w.create("london")
			w.start()
			w.Eventually(w.state.objects).Should(gomega.Equal([]string{"london"}))
			w.interrupt(tc.code, tc.number)
			w.create("paris")
			w.Eventually(w.state.objects).Should(gomega.Equal([]string{"london", "paris"}), tc.why)
			w.Eventually(w.state.isFailing).Should(gomega.BeFalse())
			if failed, ended := w.state.errors(); ended != nil || apierrors.ReasonForError(failed) == metav1.StatusReasonUnknown {
				t.Errorf("%s: the error is %v, the end %v; want the first, and no end", tc.why, failed, ended)
			}
		})
	}
}

// TestUnauthorized: a user who has to log in again may do so while the feed tries again.
func TestUnauthorized(t *testing.T) {
	w := newWatched(t)
	w.refuser.refuse(http.StatusUnauthorized, -1)
	w.start()
	w.Eventually(w.state.isFailing).Should(gomega.BeTrue())
	w.create("london")
	w.refuser.refuse(0, 0)
	w.Eventually(w.state.objects).Should(gomega.Equal([]string{"london"}))
	w.Eventually(w.state.isFailing).Should(gomega.BeFalse())
}

// TestRightsLost: a feed ends when the hub goes on to refuse it.
func TestRightsLost(t *testing.T) {
	w := newWatched(t)
	w.create("london")
	w.start()
	w.Eventually(w.state.objects).Should(gomega.Equal([]string{"london"}))
	w.interrupt(http.StatusForbidden, -1)
	w.Eventually(w.state.end).Should(gomega.MatchError(apierrors.IsForbidden, "is forbidden"))
}

// TestNeverWatched: what the hub refuses from the beginning ends the feed at once.
func TestNeverWatched(t *testing.T) {
	for name, code := range map[string]int{"Forbidden": http.StatusForbidden, "NotFound": http.StatusNotFound} {
		t.Run(name, func(t *testing.T) {
			w := newWatched(t)
			w.refuser.refuse(code, 1)
			w.start()
			w.Eventually(w.state.end).Should(gomega.HaveOccurred())
		})
	}
}
