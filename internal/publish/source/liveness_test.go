// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// TestVerdictOnClusterAPI: each poll is the Leases that a list has returned, by namespace, with the second of their renewal.
func TestVerdictOnClusterAPI(t *testing.T) {
	type poll map[string]int
	for name, tc := range map[string]struct {
		why   string
		polls []poll
		want  verdict
	}{
		"NoLease":      {why: "leader election is off", polls: []poll{{}, {}, {}, {}, {}}, want: running},
		"FirstPoll":    {why: "one poll shows no renewal", polls: []poll{{"a": 1}}, want: undecided},
		"Renewed":      {why: "it is alive", polls: []poll{{"a": 1}, {"a": 3}}, want: running},
		"ClockSetBack": {why: "a renewal is a change, not a later time", polls: []poll{{"a": 9}, {"a": 3}}, want: running},
		"NotYet":       {why: "the time is not up", polls: []poll{{"a": 1}, {"a": 1}, {"a": 1}}, want: undecided},
		"NeverRenewed": {why: "the time is up", polls: []poll{{"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}}, want: down},
		"RenewedOnce": {
			why:   "a renewal starts the time again",
			polls: []poll{{"a": 1}, {"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}, {"a": 2}},
			want:  running,
		},
		"Stopped": {
			why:   "it is down though it ran before",
			polls: []poll{{"a": 1}, {"a": 2}, {"a": 2}, {"a": 2}, {"a": 2}},
			want:  down,
		},
		"OneOfTwo": {
			why:   "one installation is up",
			polls: []poll{{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 3}, {"a": 1, "b": 4}},
			want:  running,
		},
		"Moved": {
			why:   "another namespace, another Lease",
			polls: []poll{{"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}, {"a": 1, "b": 1}},
			want:  running,
		},
		"NotRenewTime": {
			why:   "a Lease that was never renewed has no holder",
			polls: []poll{{"a": 0}, {"a": 0}, {"a": 0}, {"a": 0}},
			want:  down,
		},
		"StaleAndGone": {
			why:   "the Lease that was not renewed is deleted",
			polls: []poll{{"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}, {}},
			want:  running,
		},
		"DownAndStays":  {why: "nothing has changed", polls: []poll{{"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}}, want: down},
		"DownAndReturn": {why: "it is back", polls: []poll{{"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}, {"a": 2}}, want: running},
	} {
		t.Run(name, func(t *testing.T) {
			l := NewLiveness(nil, nil, 3*livenessInterval)
			for _, seen := range tc.polls {
				var leases []coordinationv1.Lease
				for namespace, second := range seen {
					lease := coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace}}
					if second > 0 {
						lease.Spec.RenewTime = ptr.To(metav1.NewMicroTime(time.Unix(int64(second), 0)))
					}
					leases = append(leases, lease)
				}
				l.verdict = l.observe(leases)
			}
			if l.verdict != tc.want {
				t.Errorf("%s: got verdict %d, want %d", tc.why, l.verdict, tc.want)
			}
		})
	}
}

// TestLivenessCanBeTurnedOff: without a time after which conditions are stale they never are.
func TestLivenessCanBeTurnedOff(t *testing.T) {
	l := NewLiveness(nil, nil, 0)
	if err := l.Start(t.Context()); err != nil || l.Down(nil) {
		t.Errorf("got down %t and error %v", l.Down(nil), err)
	}
}

// forbidding refuses every list.
type forbidding struct{ client.Reader }

func (forbidding) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return apierrors.NewForbidden(
		schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"},
		clusterAPILease,
		errors.New("no right"),
	)
}

// TestForbiddenLeases: a publisher that may not list the Leases takes Cluster API to be running, whatever it took it for before, and
// logs that once.
func TestForbiddenLeases(t *testing.T) {
	var logged []string
	ctx := logf.IntoContext(t.Context(), funcr.New(func(_, args string) { logged = append(logged, args) }, funcr.Options{}))
	l := NewLiveness(forbidding{}, nil, 3*livenessInterval)
	l.renewals, l.staleFor = map[string]metav1.MicroTime{"a": {}}, 2*livenessInterval
	for range 5 {
		l.poll(ctx)
	}
	if l.verdict != running || l.renewals != nil || l.staleFor != 0 {
		t.Errorf("got verdict %d, renewals %v, silent for %s", l.verdict, l.renewals, l.staleFor)
	}
	if len(logged) != 1 || !strings.Contains(logged[0], "Not allowed to list the Leases of Cluster API") {
		t.Errorf("logged %q", logged)
	}
}
