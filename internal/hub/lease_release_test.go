// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
)

// A leader that was cut off, and whose connection is back while client-go has it release its Lease, leaves that to its successor.
func TestReleaseOfASuccessorsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &leaseServer{}
		first, second := newReplica(t, api, "first"), newReplica(t, api, "second")
		go first.elector.Run(t.Context())
		<-first.leads
		go second.elector.Run(t.Context())
		synctest.Wait()
		// The release begins twelve seconds after the last renewal, and ends ten seconds later at the latest.
		first.cut.Store(true)
		<-second.leads
		close(first.back)
		<-first.stopped
		if holder := api.holder(); holder != "second" {
			t.Errorf("the Lease of the second is %q's", holder)
		}
		if err := first.write(t.Context()); err == nil {
			t.Error("the first still writes")
		}
		if err := second.write(t.Context()); err != nil {
			t.Errorf("the second does not write: %v", err)
		}
	})
}

// replica is a program with a client of the hub, and an elector as controller-runtime makes it.
type replica struct {
	elector *leaderelection.LeaderElector
	client  *http.Client
	// cut has requests wait until the connection is back.
	cut     atomic.Bool
	back    chan struct{}
	leads   chan struct{}
	stopped chan struct{}
}

func newReplica(t *testing.T, api *leaseServer, name string) *replica {
	t.Helper()
	r := &replica{back: make(chan struct{}), leads: make(chan struct{}), stopped: make(chan struct{})}
	r.client = &http.Client{Transport: NewFence(clock.RealClock{}).Hub(roundTripper(func(request *http.Request) (*http.Response, error) {
		if r.cut.Load() {
			select {
			case <-r.back:
			case <-request.Context().Done():
				return nil, request.Context().Err()
			}
		}
		return api.serve(request)
	}))}
	leases, err := coordinationclient.NewForConfigAndClient(&rest.Config{
		Host: "http://hub", ContentConfig: rest.ContentConfig{ContentType: "application/json"},
	}, r.client)
	if err != nil {
		t.Fatal(err)
	}
	options := (&Flags{LeaderElect: true}).ManagerOptions(nil, "publisher")
	r.elector, err = leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: "system", Name: options.LeaderElectionID},
			Client:     leases,
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		},
		LeaseDuration:   *options.LeaseDuration,
		RenewDeadline:   *options.RenewDeadline,
		RetryPeriod:     2 * time.Second,
		ReleaseOnCancel: options.LeaderElectionReleaseOnCancel,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { close(r.leads) },
			OnStoppedLeading: func() { close(r.stopped) },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *replica) write(ctx context.Context) error {
	const profile = "http://hub/apis/multicluster.x-k8s.io/v1alpha1/namespaces/fleet/clusterprofiles/c1"
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, profile, http.NoBody)
	if err != nil {
		return err
	}
	response, err := r.client.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// leaseServer is an API server with one Lease and optimistic locking.
type leaseServer struct {
	mu      sync.Mutex
	lease   *coordinationv1.Lease
	version int
}

func (s *leaseServer) holder() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ptr.Deref(s.lease.Spec.HolderIdentity, "")
}

func (s *leaseServer) serve(request *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !isLease(request.URL.Path):
		return answer(http.StatusOK, &metav1.Status{Status: metav1.StatusSuccess})
	case request.Method == http.MethodGet && s.lease == nil:
		return answer(http.StatusNotFound, &metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound})
	case request.Method == http.MethodGet:
		return answer(http.StatusOK, s.lease)
	}
	sent := &coordinationv1.Lease{}
	if err := json.NewDecoder(request.Body).Decode(sent); err != nil {
		return nil, err
	}
	if s.lease != nil && sent.ResourceVersion != s.lease.ResourceVersion {
		return answer(http.StatusConflict, &metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonConflict})
	}
	s.version++
	sent.ResourceVersion = strconv.Itoa(s.version)
	s.lease = sent
	return answer(http.StatusOK, s.lease)
}

func answer(status int, body any) (*http.Response, error) {
	encoded, err := json.Marshal(body)
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(bytes.NewReader(encoded)),
	}, err
}
