// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// weather is what is wrong with the way to the API server.
type weather struct {
	mu     sync.Mutex
	random *rand.Rand
	// bad says that one of twenty requests fails; failed counts them.
	bad    atomic.Bool
	failed atomic.Int64
	// held is the end of the paths whose lists are held up, and until is closed when they are passed on; nil for none.
	held atomic.Pointer[hold]
}

type hold struct {
	suffix string
	until  chan struct{}
}

func (f *weather) draw(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.random.IntN(n)
}

func (f *weather) handle(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if held := f.held.Load(); held != nil && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, held.suffix) {
		select {
		case <-held.until:
		case <-r.Context().Done():
			return
		}
	}
	if !f.bad.Load() || f.draw(20) != 0 {
		next.ServeHTTP(w, r)
		return
	}
	f.failed.Add(1)
	switch f.draw(7) {
	case 0:
		refuse(w, apierrors.NewConflict(schema.GroupResource{Resource: "any"}, "any", fmt.Errorf("a conflict that the proxy has made up")))
	case 1:
		w.Header().Set("Retry-After", "1")
		refuse(w, apierrors.NewTooManyRequests("the proxy is too busy", 1))
	case 2:
		refuse(w, apierrors.NewInternalError(fmt.Errorf("the proxy has a fault")))
	case 3:
		refuse(w, apierrors.NewTimeoutError("the proxy has waited for too long", 1))
	case 4:
		// Cut before the API server has it.
		panic(http.ErrAbortHandler)
	case 5:
		// Carried out, and the answer is lost; a watch would never end by itself.
		if !r.URL.Query().Has("watch") {
			next.ServeHTTP(discard{}, r)
		}
		panic(http.ErrAbortHandler)
	default:
		select {
		case <-time.After(300 * time.Millisecond):
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

func refuse(w http.ResponseWriter, err *apierrors.StatusError) {
	status := err.ErrStatus
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(status.Code))
	_ = json.NewEncoder(w).Encode(status)
}

// TestBadNetwork has requests fail in every way, and connections end, while everything changes.
func TestBadNetwork(t *testing.T) {
	s := newStage(t)
	random := newChurn(t, s)
	faults := &weather{random: rand.New(rand.NewPCG(random.Uint64(), 0))}
	gate := newGateway(t, faults.handle)
	p := newProgram()
	p.start(t, s, gate.connection())
	faults.bad.Store(true)
	for i := range either(3000, 60) {
		random.step(t)
		if i%20 == 19 {
			// Watches too.
			gate.CloseClientConnections()
			p.clock.Step(time.Minute)
		}
	}
	// A quiet publisher makes few requests: changes go on until enough have failed.
	for faults.failed.Load() < int64(either(200, 5)) {
		random.step(t)
	}
	if *full {
		faults.holdLists(t, p, s, random, gate)
	}
	faults.bad.Store(false)
	random.calm(t)
	p.eventually(t, func() []string { return s.audit(t) })
	if found := p.leaks(t); len(found) > 0 {
		t.Errorf("%q", found)
	}
}

// holdLists has the lists of one kind after the other held up for twenty seconds, at the start of a publisher.
func (f *weather) holdLists(t *testing.T, p *program, s *stage, random *churn, gate *gateway) {
	t.Helper()
	for _, kind := range []string{"/clusterprofiles", "/clusters", "/secrets", "/inventories", "/namespaces"} {
		p.stop()
		held := &hold{suffix: kind, until: make(chan struct{})}
		f.held.Store(held)
		p.start(t, s, gate.connection())
		for until := time.After(20 * time.Second); held != nil; {
			select {
			case <-until:
				close(held.until)
				held = nil
			default:
				random.step(t)
			}
		}
		f.held.Store(nil)
	}
}
