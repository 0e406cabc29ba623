// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// secretServer serves one Secret, or an error.
type secretServer struct {
	client.Reader
	version int
	err     error
}

func (s *secretServer) Get(_ context.Context, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	if s.err != nil {
		return s.err
	}
	object.SetResourceVersion(strconv.Itoa(s.version))
	object.(*corev1.Secret).Data = map[string][]byte{"value": []byte("not a kubeconfig")}
	return nil
}

// A Secret without events is read again after a time that doubles while it stays the same.
func TestRefreshOfUncachedSecrets(t *testing.T) {
	notFound := apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, "user")
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "user", errors.New("no right"))
	clock := clocktesting.NewFakeClock(time.Now())
	server := &secretServer{version: 1}
	reader := newKubeconfigReader(nil, server, clock)
	key := profile.SecretKey{Name: "user", Key: "value"}
	for _, step := range []struct {
		why    string
		change func()
		after  time.Duration
		want   time.Duration
		reason endpoint.Reason
	}{
		{why: "it is read for the first time", want: minRefresh, reason: endpoint.Malformed},
		{why: "it is not read again yet", after: time.Second, want: minRefresh - time.Second, reason: endpoint.Malformed},
		{why: "it has not changed", after: minRefresh, want: 2 * minRefresh, reason: endpoint.Malformed},
		{why: "it has not changed either", after: 2 * minRefresh, want: 4 * minRefresh, reason: endpoint.Malformed},
		{why: "it has changed", change: func() { server.version = 2 }, after: 4 * minRefresh, want: minRefresh, reason: endpoint.Malformed},
		{
			why:    "an API server that does not answer says nothing",
			change: func() { server.err = errors.New("connection refused") },
			after:  minRefresh,
			want:   minRefresh,
			reason: endpoint.Malformed,
		},
		{
			why:    "it is deleted",
			change: func() { server.err = notFound },
			after:  minRefresh, want: minRefresh, reason: profile.SecretNotFound,
		},
		{
			why:    "the right is taken",
			change: func() { server.err = forbidden },
			after:  minRefresh, want: 2 * minRefresh, reason: profile.SecretNotRead,
		},
	} {
		if step.change != nil {
			step.change()
		}
		clock.Step(step.after)
		found, requeueAfter, err := reader.get(t.Context(), fixture.Cluster("team-a", "user"), []profile.SecretKey{key})
		if err != nil {
			t.Fatal(err)
		}
		if requeueAfter != step.want {
			t.Errorf("%s: read again after %s, want %s", step.why, requeueAfter, step.want)
		}
		if diff := cmp.Diff(step.reason, found[key].Rejected.Reason); diff != "" {
			t.Errorf("%s: -want +got:\n%s", step.why, diff)
		}
	}
	reader.known.forget(types.NamespacedName{Namespace: "team-a", Name: "user"})
	if len(reader.known.clusters) > 0 {
		t.Errorf("a forgotten Cluster leaves %v", reader.known.clusters)
	}
}

// The first error is returned: nothing is known from before.
func TestUncachedSecretThatCannotBeRead(t *testing.T) {
	reader := newKubeconfigReader(nil, &secretServer{err: errors.New("connection refused")}, clocktesting.NewFakeClock(time.Now()))
	if _, _, err := reader.get(
		t.Context(),
		fixture.Cluster("team-a", "user"),
		[]profile.SecretKey{{Name: "user", Key: "value"}},
	); err == nil {
		t.Error("an unknown Secret is published as missing")
	}
}
