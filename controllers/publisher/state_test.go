// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

var (
	p1 = types.NamespacedName{Namespace: "fleet", Name: "p1"}
	c1 = types.NamespacedName{Namespace: "team-a", Name: "c1"}
	c2 = types.NamespacedName{Namespace: "team-b", Name: "c1"}
)

// spendAll makes urgent writes as fast as they are allowed for some time, a second at a time, and returns at which seconds.
func spendAll(b *budgets, clock *clocktesting.FakeClock, how urgency, seconds int) []int {
	var at []int
	for second := range seconds {
		for b.wait(p1, how) == 0 {
			b.spend(p1, how)
			at = append(at, second)
		}
		clock.Step(time.Second)
	}
	return at
}

func TestBudgets(t *testing.T) {
	ten := slices.Repeat([]int{0}, 10)
	t.Run("urgent writes: ten at once, and then pauses that double", func(t *testing.T) {
		clock := clocktesting.NewFakeClock(time.Now())
		got := spendAll(newBudgets(clock), clock, urgent, 130)
		if diff := cmp.Diff(append(slices.Clone(ten), 1, 3, 7, 15, 31, 63, 127), got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("the longest pause is ten minutes", func(t *testing.T) {
		clock := clocktesting.NewFakeClock(time.Now())
		b := newBudgets(clock)
		for range 100 {
			b.spend(p1, urgent)
		}
		if got := b.wait(p1, urgent); got != lastPause {
			t.Errorf("got %s", got)
		}
	})
	t.Run("after a calm time the budget is whole again", func(t *testing.T) {
		clock := clocktesting.NewFakeClock(time.Now())
		b := newBudgets(clock)
		spendAll(b, clock, urgent, 10)
		clock.Step(calm + time.Second)
		if diff := cmp.Diff(ten, spendAll(b, clock, urgent, 1)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("ordinary writes: ten at once, and then one in 30 seconds", func(t *testing.T) {
		clock := clocktesting.NewFakeClock(time.Now())
		got := spendAll(newBudgets(clock), clock, ordinary, 95)
		if diff := cmp.Diff(append(slices.Clone(ten), 30, 60, 90), got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("a write that waits for the one budget does not wait for the other", func(t *testing.T) {
		clock := clocktesting.NewFakeClock(time.Now())
		b := newBudgets(clock)
		spendAll(b, clock, ordinary, 1)
		if b.wait(p1, ordinary) == 0 || b.wait(p1, urgent) != 0 {
			t.Errorf("ordinary waits %s, urgent %s", b.wait(p1, ordinary), b.wait(p1, urgent))
		}
	})
	t.Run("conflicts in a row: ten at once, and then pauses that double", func(t *testing.T) {
		clock := clocktesting.NewFakeClock(time.Now())
		b := newBudgets(clock)
		var at []int
		for second := range 70 {
			for b.conflicted(p1) == 0 {
				b.conflict(p1, strconv.Itoa(len(at)))
				at = append(at, second)
			}
			clock.Step(time.Second)
		}
		if diff := cmp.Diff(append(slices.Clone(ten), 1, 3, 7, 15, 31, 63), at); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		b.spend(p1, ordinary)
		if got := b.conflicted(p1); got != 0 {
			t.Errorf("a write that succeeded ends the series: got %s", got)
		}
	})
	t.Run("conflicts for one version are one, and a deletion ends their series", func(t *testing.T) {
		b := newBudgets(clocktesting.NewFakeClock(time.Now()))
		for range 20 {
			b.conflict(p1, "7")
		}
		if got := b.conflicted(p1); got != 0 {
			t.Errorf("the cache is behind: got %s", got)
		}
		for version := range 20 {
			b.conflict(p1, strconv.Itoa(version))
		}
		if got := b.conflicted(p1); got != lastPause {
			t.Errorf("got %s", got)
		}
		b.deleted(p1)
		if got := b.conflicted(p1); got != 0 {
			t.Errorf("got %s", got)
		}
	})
	t.Run("whole budgets are dropped, and spent ones are not", func(t *testing.T) {
		clock := clocktesting.NewFakeClock(time.Now())
		b := newBudgets(clock)
		for i := range b.sweepAt - 1 {
			b.spend(types.NamespacedName{Name: string(rune(i))}, urgent)
		}
		clock.Step(calm + time.Second)
		b.spend(p1, urgent)
		b.spend(c1, urgent)
		if len(b.profiles) != 2 || b.profiles[p1] == nil {
			t.Errorf("%d budgets are kept", len(b.profiles))
		}
	})
}

func TestWrites(t *testing.T) {
	seen := func(version string) *profile.Live {
		live, err := profile.Read(&inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{ResourceVersion: version}})
		if err != nil {
			t.Fatal(err)
		}
		return live
	}
	for name, tc := range map[string]struct {
		why    string
		cached *profile.Live
		wrote  []string
		after  time.Duration
		left   time.Duration
		behind bool
	}{
		"NothingWritten": {why: "there is nothing to wait for", cached: seen("5")},
		"NotSeen":        {why: "a created profile is not there yet", wrote: []string{"7"}, left: catchUp, behind: true},
		"Older":          {why: "the cache shows the version before", wrote: []string{"7"}, cached: seen("6"), after: time.Second, left: catchUp - time.Second, behind: true},
		"First":          {why: "of two writes the last one counts", wrote: []string{"7", "8"}, cached: seen("7"), left: catchUp, behind: true},
		"Same":           {why: "the cache shows it", wrote: []string{"7"}, cached: seen("7")},
		"Newer":          {why: "somebody has written since", wrote: []string{"7"}, cached: seen("10")},
		"TooLong":        {why: "the API server must be asked", wrote: []string{"7"}, cached: seen("6"), after: time.Hour, behind: true},
	} {
		t.Run(name, func(t *testing.T) {
			clock := clocktesting.NewFakeClock(time.Now())
			w := newWrites(clock)
			for _, version := range tc.wrote {
				w.wrote(p1, version)
			}
			clock.Step(tc.after)
			if left, behind := w.behind(p1, tc.cached); left != tc.left || behind != tc.behind {
				t.Errorf("%s: got %s %t", tc.why, left, behind)
			}
		})
	}
	w := newWrites(clocktesting.NewFakeClock(time.Now()))
	if w.echo(p1, "") {
		t.Error("nothing was written")
	}
	w.wrote(p1, "7")
	w.wrote(p1, "8")
	if !w.echo(p1, "7") || !w.echo(p1, "8") || w.echo(p1, "9") {
		t.Error("the last two writes are echoes, and nothing else")
	}
	w.forget(p1, "999")
	if w.echo(p1, "8") {
		t.Error("a profile that is gone is forgotten")
	}
	w.wrote(p1, "8")
	if _, behind := w.behind(p1, nil); behind {
		t.Error("an answer that comes after the event of the deletion is not waited for")
	}
	w.wrote(p1, "1000")
	if _, behind := w.behind(p1, nil); !behind {
		t.Error("what was created since is waited for")
	}
}

func TestWaiters(t *testing.T) {
	w := newWaiters()
	w.add(p1, c1)
	w.add(p1, c2)
	w.add(p1, c1)
	if diff := cmp.Diff([]types.NamespacedName{c1, c2}, w.take(p1), cmpopts.SortSlices(func(a, b types.NamespacedName) bool { return a.String() < b.String() })); diff != "" {
		t.Errorf("each once -want +got:\n%s", diff)
	}
	if got := w.take(p1); len(got) > 0 {
		t.Errorf("and no more: got %v", got)
	}
	w.add(p1, c1)
	w.add(p1, c2)
	w.forget(c1)
	if diff := cmp.Diff([]types.NamespacedName{c2}, w.take(p1)); diff != "" {
		t.Errorf("a Cluster that waits no longer -want +got:\n%s", diff)
	}
	if len(w.profiles) > 0 || len(w.clusters) > 0 {
		t.Errorf("nothing is left: %v %v", w.profiles, w.clusters)
	}
}

// uncached reads a hub that has no Inventories, no Clusters and nothing else.
type uncached struct{ client.Client }

func (uncached) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

func (uncached) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return apierrors.NewNotFound(schema.GroupResource{}, "")
}

// A Cluster that waited for a profile which never came leaves nothing behind when it is gone, nor where it is not watched.
func TestWaitersAreDropped(t *testing.T) {
	for name, of := range map[string]scope{"Gone": {}, "NotWatched": {namespaces: []string{"elsewhere"}}} {
		t.Run(name, func(t *testing.T) {
			clock := clocktesting.NewFakeClock(time.Now())
			r := &Reconciler{
				options: Options{ClusterManager: "cluster-api"}, scope: of, client: uncached{}, index: newIndex("cluster-api"),
				inventories: &inventories{cached: uncached{}}, secrets: &secrets{}, objects: newObjects(nil, nil, clock, nil),
				ledger: newLedger(nil), waiters: newWaiters(),
				arrivals: &arrivals{clock: clock, since: map[types.NamespacedName]time.Time{}},
			}
			r.waiters.add(p1, c1)
			if _, err := r.Reconcile(t.Context(), reconcile.Request{NamespacedName: c1}); err != nil {
				t.Fatal(err)
			}
			if len(r.waiters.profiles) > 0 || len(r.waiters.clusters) > 0 {
				t.Errorf("left: %v %v", r.waiters.profiles, r.waiters.clusters)
			}
		})
	}
}

// applied is a profile that this publisher has applied.
func applied(key, cluster types.NamespacedName, inventory string) *inventoryv1alpha1.ClusterProfile {
	return &inventoryv1alpha1.ClusterProfile{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace, Name: key.Name,
			Labels:        map[string]string{v1alpha1.LabelInventory: inventory, v1alpha1.LabelClusterNamespace: cluster.Namespace, v1alpha1.LabelClusterName: cluster.Name},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: profile.FieldManager, Operation: metav1.ManagedFieldsOperationApply}},
		},
		Spec: inventoryv1alpha1.ClusterProfileSpec{ClusterManager: inventoryv1alpha1.ClusterManager{Name: "cluster-api"}},
	}
}

func TestIndex(t *testing.T) {
	ours := applied(p1, c1, "default")
	moved := applied(p1, c2, "other")
	copied := applied(types.NamespacedName{Namespace: "fleet", Name: "copy"}, c1, "default")
	copied.ManagedFields = nil
	theirs := applied(types.NamespacedName{Namespace: "fleet", Name: "theirs"}, c1, "default")
	theirs.Spec.ClusterManager.Name = "open-cluster-management"
	for name, tc := range map[string]struct {
		why string
		// events are what became of profiles, before and after.
		events         [][2]client.Object
		ofC1, ofC2     int
		byDefault, all int
	}{
		"Created":  {why: "it is found by its Cluster", events: [][2]client.Object{{nil, ours}}, ofC1: 1, byDefault: 1, all: 1},
		"Again":    {why: "a second event of one profile does not count twice", events: [][2]client.Object{{nil, ours}, {nil, ours}}, ofC1: 1, byDefault: 1, all: 1},
		"Relabels": {why: "it is found by what its labels name now", events: [][2]client.Object{{nil, ours}, {ours, moved}}, ofC2: 1, all: 1},
		"Deleted":  {why: "it is found no more", events: [][2]client.Object{{nil, ours}, {ours, nil}}},
		"Copy":     {why: "a copy is nobody's, and yet it is there", events: [][2]client.Object{{nil, copied}}, all: 1},
		"Theirs":   {why: "so is another manager's", events: [][2]client.Object{{nil, theirs}}, all: 1},
	} {
		t.Run(name, func(t *testing.T) {
			i := newIndex("cluster-api")
			for _, e := range tc.events {
				i.replace(e[0], e[1])
			}
			got := []int{len(i.of(c1)), len(i.of(c2)), len(i.by("default")), len(i.in(map[string]bool{"fleet": true}))}
			if diff := cmp.Diff([]int{tc.ofC1, tc.ofC2, tc.byDefault, tc.all}, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
			if len(i.in(map[string]bool{"elsewhere": true})) > 0 {
				t.Error("nothing is in another namespace")
			}
		})
	}
}

func TestLedger(t *testing.T) {
	one, two := version{uid: "u", generation: 1}, version{uid: "u", generation: 2}
	wanting := func(of version) *view { return &view{versions: map[string]version{"default": of}} }
	trouble := map[string][]profile.Problem{"default": {{Reason: "Trouble", Message: "here"}}}
	l := newLedger(nil)
	woken := func() (names []string) {
		for len(l.changed) > 0 {
			names = append(names, (<-l.changed).Object)
		}
		return names
	}
	steps := []struct {
		why      string
		do       func() []profile.Problem
		fresh    int
		woken    []string
		wanted   version
		clusters int
		problems int
		complete bool
	}{
		{"a new problem is news", func() []profile.Problem { return l.record(c1, wanting(one), []string{"default"}, trouble) }, 1, []string{"default"}, one, 1, 1, true},
		{"the same again is none", func() []profile.Problem { return l.record(c1, wanting(one), []string{"default"}, trouble) }, 0, nil, one, 1, 1, true},
		{"with another generation wanted, not all have been looked at", func() []profile.Problem { return nil }, 0, nil, two, 1, 1, false},
		{"until they have", func() []profile.Problem { return l.record(c1, wanting(two), []string{"default"}, nil) }, 0, []string{"default"}, two, 1, 0, true},
		{"a Cluster that was there before the process has its problems reported already", func() []profile.Problem {
			l.found(c2)
			return l.record(c2, wanting(two), []string{"default"}, trouble)
		}, 0, []string{"default"}, two, 2, 1, true},
		{"a Cluster outside the scope needs no look", func() []profile.Problem { l.outside(c2, trouble); return nil }, 0, []string{"default"}, two, 1, 1, true},
		{"nor does one that is gone", func() []profile.Problem { l.left(c2, nil); return nil }, 0, []string{"default"}, two, 1, 0, true},
		{"a deselected one counts no more", func() []profile.Problem { return l.record(c1, wanting(two), nil, nil) }, 0, []string{"default"}, two, 0, 0, true},
	}
	for _, step := range steps {
		fresh := step.do()
		clusters, problems, complete := l.of("default", step.wanted)
		got := []any{len(fresh), woken(), clusters, len(problems), complete}
		if diff := cmp.Diff([]any{step.fresh, step.woken, step.clusters, step.problems, step.complete}, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", step.why, diff)
		}
	}
	if l.looked(c2) || !l.looked(c1) {
		t.Error("c1 has been looked at, and c2 is forgotten")
	}
}

// lister lists Inventories, and may be held up.
type lister struct {
	client.Reader
	mu  sync.Mutex
	now []v1alpha1.Inventory
	// entered is told of each call, which goes on when release is closed; nil for at once.
	entered, release chan struct{}
}

func (l *lister) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	l.mu.Lock()
	list.(*v1alpha1.InventoryList).Items = slices.Clone(l.now)
	entered, release := l.entered, l.release
	l.mu.Unlock()
	if entered != nil {
		entered <- struct{}{}
		<-release
	}
	return nil
}

// A worker that is held up with an older list must not bring the older Inventories back.
func TestOlderListDoesNotReturn(t *testing.T) {
	compiler, err := cel.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	of := func(generation int64) []v1alpha1.Inventory {
		return []v1alpha1.Inventory{{ObjectMeta: metav1.ObjectMeta{Name: "default", UID: "u", Generation: generation}}}
	}
	source := &lister{now: of(1), entered: make(chan struct{}, 2), release: make(chan struct{})}
	i := &inventories{cached: source, compiler: compiler, compiled: map[types.UID]compiled{}}
	views := make(chan *view, 2)
	look := func() {
		v, err := i.current(t.Context())
		if err != nil {
			t.Error(err)
		}
		views <- v
	}
	go look()
	<-source.entered
	source.mu.Lock()
	source.now = of(2)
	source.mu.Unlock()
	go look()
	close(source.release)
	first, second := <-views, <-views
	if first.versions["default"].generation != 1 || second.versions["default"].generation != 2 {
		t.Errorf("got %v and then %v", first.versions, second.versions)
	}
	third, err := i.current(t.Context())
	if err != nil || third != second {
		t.Errorf("nothing has changed since: %v %v", third, err)
	}
}

func TestKeepKnown(t *testing.T) {
	problem := func(reason, message string) profile.Problem { return profile.Problem{Reason: reason, Message: message} }
	known := []profile.Problem{problem("PublishFailed", "port 1"), problem("LabelSkipped", "a"), problem("LabelSkipped", "b")}
	for name, tc := range map[string]struct{ found, want []profile.Problem }{
		"nothing was judged":          {nil, known},
		"an error with another text":  {[]profile.Problem{problem("PublishFailed", "port 2")}, []profile.Problem{known[1], known[2], problem("PublishFailed", "port 2")}},
		"the same again":              {known[1:], known},
		"an error that was not there": {[]profile.Problem{problem("WriteRefused", "no")}, append(slices.Clone(known), problem("WriteRefused", "no"))},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, keepKnown(known, tc.found)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
