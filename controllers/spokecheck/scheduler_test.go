// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

// The tests in this file run the real rounds by a clock that stands still while anybody works (package synctest), so that
// they say what waits for what, on a machine of any speed.
const (
	interval = 30 * time.Second
	workers  = 16
)

// bubble runs the rounds over simulated spokes.
func bubble(t *testing.T, test func(t *testing.T, world *world, r *scheduler)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{behaviour: map[types.NamespacedName]behaviour{}, times: map[types.NamespacedName][]time.Time{}, looks: map[types.NamespacedName]int{}}
		r := newScheduler(w, pace{interval, 5 * time.Minute}, workers, clock.RealClock{}, newMetrics())
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = r.Start(ctx) })
		running.Go(func() {
			// What a controller would do.
			for range r.news {
			}
		})
		test(t, w, r)
		cancel()
		r.due.ShutDown()
		synctest.Wait()
		close(r.news)
		running.Wait()
	})
}

// pass lets the time of a bubble pass.
func pass(d time.Duration) { <-time.After(d) }

// behaviour is how long a spoke takes to be observed, and what is found then.
type behaviour struct {
	takes  time.Duration
	reason string
	// hidden is found by a probe, but not by a look.
	hidden bool
	// shy is what a look finds dark although a probe finds it well.
	shy bool
}

// world is spokes that behave as they are told; it is the Observer of them.
type world struct {
	mu        sync.Mutex
	behaviour map[types.NamespacedName]behaviour
	times     map[types.NamespacedName][]time.Time
	looks     map[types.NamespacedName]int
}

func (w *world) set(key types.NamespacedName, b behaviour) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.behaviour[key] = b
}

func (w *world) seen(key types.NamespacedName, look bool) behaviour {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.times[key] = append(w.times[key], time.Now())
	if look {
		w.looks[key]++
	}
	return w.behaviour[key]
}

// Observe implements Observer.
func (w *world) Check(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result {
	return w.after(ctx, profile, w.seen(client.ObjectKeyFromObject(profile), false), false)
}

// Look implements Observer.
func (w *world) Ping(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) spoke.Result {
	return w.after(ctx, profile, w.seen(client.ObjectKeyFromObject(profile), true), true)
}

func (w *world) after(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile, b behaviour, look bool) spoke.Result {
	select {
	case <-time.After(b.takes):
	case <-ctx.Done():
	}
	seen := spoke.Result{Server: profile.Status.AccessProviders[0].Cluster.Server}
	switch {
	case look && b.shy:
		seen.Failure = failure.New(v1alpha1.ReasonConnectFailed, "No")
	case b.reason != "" && (!look || !b.hidden):
		seen.Failure = failure.New(b.reason, "No")
	}
	return seen
}

// Forget implements Observer.
func (w *world) Forget(types.NamespacedName) {}

// longestGap is the longest time that any of the spokes was not observed for since a time.
func (w *world) longestGap(since time.Time, of ...types.NamespacedName) (longest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, key := range of {
		last := since
		for _, at := range append(w.times[key], time.Now()) {
			if at.After(since) {
				longest = max(longest, at.Sub(last))
				last = at
			}
		}
	}
	return longest
}

func (w *world) count(key types.NamespacedName) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.times[key])
}

// spokeProfile is the profile of a spoke whose access is of a version.
func spokeProfile(key types.NamespacedName, owner string, version int) *inventoryv1alpha1.ClusterProfile {
	profile := &inventoryv1alpha1.ClusterProfile{}
	profile.Namespace, profile.Name, profile.UID = key.Namespace, key.Name, types.UID(key.String())
	profile.Labels = map[string]string{v1alpha1.LabelClusterNamespace: owner}
	profile.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{offering("p", &rest.Config{Host: fmt.Sprintf("https://spoke/%d", version)})}
	return profile
}

// follow adds so many spokes of one behaviour, and returns their names.
func (w *world) follow(r *scheduler, count int, who tenant, kind string, b behaviour) []types.NamespacedName {
	var keys []types.NamespacedName
	for i := range count {
		key := types.NamespacedName{Namespace: who.namespace, Name: fmt.Sprintf("%s-%s-%d", who.owner, kind, i)}
		keys = append(keys, key)
		w.set(key, b)
		r.track(spokeProfile(key, who.owner, 0), v1alpha1.SpokeCheckStatus{})
	}
	return keys
}

// TestIsolation: whatever one tenant's spokes do, and however many those are, the spokes of another tenant are probed on
// time, those that work and those that are far away, those that are dark and those that come back.
func TestIsolation(t *testing.T) {
	tarpit := behaviour{takes: 3 * 5 * time.Second, reason: v1alpha1.ReasonNotReady}
	attacks := map[string]struct {
		behaviour behaviour
		changes   bool
	}{
		"Tarpits":        {behaviour: tarpit},
		"Reachable":      {behaviour: behaviour{takes: tarpit.takes - time.Millisecond}},
		"AnswerLooks":    {behaviour: behaviour{takes: tarpit.takes, reason: v1alpha1.ReasonNotReady, hidden: true}},
		"HangingPlugins": {behaviour: behaviour{takes: 5 * time.Second, reason: v1alpha1.ReasonCredentialsFailed}},
		"ChangedAccess":  {behaviour: tarpit, changes: true},
	}
	tenants := map[string][2]tenant{
		"Namespaces":   {{namespace: "victim"}, {namespace: "attacker"}},
		"OneNamespace": {{"fleet", "victim"}, {"fleet", "attacker"}},
	}
	for kind, pair := range tenants {
		for name, attack := range attacks {
			t.Run(kind+"/"+name, func(t *testing.T) {
				bubble(t, func(t *testing.T, w *world, r *scheduler) {
					victims := w.follow(r, 200, pair[0], "near", behaviour{takes: 5 * time.Millisecond})
					victims = append(victims, w.follow(r, 10, pair[0], "far", behaviour{takes: 3500 * time.Millisecond})...)
					victims = append(victims, w.follow(r, 10, pair[0], "dark", behaviour{takes: 5 * time.Second, reason: v1alpha1.ReasonConnectFailed})...)
					pass(2 * interval)
					attackers := w.follow(r, 500, pair[1], "tarpit", attack.behaviour)
					from := time.Now()
					for version := range 600 {
						if attack.changes && version%5 == 0 {
							for _, key := range attackers {
								r.track(spokeProfile(key, pair[1].owner, version+1), v1alpha1.SpokeCheckStatus{})
							}
						}
						pass(time.Second)
					}
					// The pause with its jitter, the probe itself, and a turn of its own kind before it.
					if allowed := interval*11/10 + 10*time.Second; w.longestGap(from, victims...) > allowed {
						t.Errorf("a spoke was not probed for %s", w.longestGap(from, victims...))
					}
				})
			})
		}
	}
}

// TestMuchIsBroken: within one tenant, too, those that hang do not hold up those that work, and are themselves looked at in
// every interval.
func TestMuchIsBroken(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, r *scheduler) {
		who := tenant{namespace: "fleet"}
		all := w.follow(r, 100, who, "hangs", behaviour{takes: 5 * time.Second, reason: v1alpha1.ReasonConnectFailed})
		all = append(all, w.follow(r, 50, who, "refuses", behaviour{reason: v1alpha1.ReasonConnectFailed})...)
		all = append(all, w.follow(r, 50, who, "stranger", behaviour{reason: v1alpha1.ReasonTLSFailed})...)
		plugins := w.follow(r, 10, who, "plugin", behaviour{takes: 5 * time.Second, reason: v1alpha1.ReasonCredentialsFailed})
		healthy := w.follow(r, 340, who, "healthy", behaviour{takes: 10 * time.Millisecond})
		pass(3 * interval)
		from := time.Now()
		pass(10 * interval)
		if got := w.longestGap(from, healthy...); got > interval*11/10+time.Second {
			t.Errorf("a healthy spoke was not probed for %s", got)
		}
		if got := w.longestGap(from, all...); got > interval*11/10+20*time.Second {
			t.Errorf("a dark spoke was not looked at for %s", got)
		}
		if got := w.longestGap(from, plugins...); got > r.pace.beat()+10*time.Second {
			t.Errorf("a spoke without credentials was not probed for %s", got)
		}
		for _, key := range plugins {
			if got := w.count(key); got > 10 {
				t.Errorf("%d runs of a plugin that fails", got)
			}
		}
		for _, key := range all {
			// Thirteen intervals have passed; those that fail at once are probed once in ten of them.
			if full := w.count(key) - w.looks[key]; full > 2 {
				t.Errorf("%s was probed %d times while it was dark", key, full)
			}
		}
		if byReason, oldest, _ := r.stats(); byReason[v1alpha1.ReasonReachable] != 340 || byReason["Pending"] != 0 || oldest > r.pace.beat()+10*time.Second {
			t.Errorf("%v, the oldest probe %s ago", byReason, oldest)
		}
	})
}

// TestComesBack: however long a spoke was cut off, it is seen to be back within an interval, and at once where its cluster
// manager has noticed.
func TestComesBack(t *testing.T) {
	for name, notices := range map[string]bool{"ByItself": false, "HealthChanges": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world, r *scheduler) {
				key := w.follow(r, 1, tenant{namespace: "fleet"}, "cut-off", behaviour{takes: 5 * time.Second, reason: v1alpha1.ReasonConnectFailed})[0]
				healthy := spokeProfile(key, "", 0)
				healthy.Status.Conditions = []metav1.Condition{{Type: "ControlPlaneHealthy", Status: metav1.ConditionTrue, Reason: "ProbeSucceeded"}}
				pass(20 * interval)
				w.set(key, behaviour{takes: time.Millisecond})
				from := time.Now()
				if notices {
					// Between two looks.
					for sighting, _ := r.latest(key); time.Until(sighting.next) < 10*time.Second; sighting, _ = r.latest(key) {
						pass(time.Second)
					}
					from = time.Now()
					r.track(healthy, v1alpha1.SpokeCheckStatus{})
				}
				for sighting, _ := r.latest(key); !sighting.Reachable(); sighting, _ = r.latest(key) {
					pass(100 * time.Millisecond)
				}
				allowed := interval*11/10 + 6*time.Second
				if notices {
					allowed = time.Second
				}
				if took := time.Since(from); took > allowed {
					t.Errorf("seen to be back after %s", took)
				}
			})
		})
	}
}

// TestLooksAreNotBelievedForEver: a server may hang up on a look, which shows no client certificate, and let a probe in.
func TestLooksAreNotBelievedForEver(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, r *scheduler) {
		key := w.follow(r, 1, tenant{namespace: "fleet"}, "shy", behaviour{reason: v1alpha1.ReasonConnectFailed})[0]
		pass(3 * interval)
		w.set(key, behaviour{shy: true})
		pass((longest + 2) * interval)
		if seen, _ := r.latest(key); !seen.Reachable() {
			t.Errorf("it works, and is reported as %s", seen.Reason())
		}
	})
}

// TestDebounce: a profile that says something new all the time is probed at once a few times, and then at its pace.
func TestDebounce(t *testing.T) {
	for name, change := range map[string]func(*inventoryv1alpha1.ClusterProfile, int){
		"Access": func(p *inventoryv1alpha1.ClusterProfile, i int) {
			p.Status.AccessProviders[0].Cluster.Server = fmt.Sprintf("https://spoke/%d", i)
		},
		"Health": func(p *inventoryv1alpha1.ClusterProfile, i int) {
			p.Status.Conditions = []metav1.Condition{{Type: "ControlPlaneHealthy", Status: metav1.ConditionTrue, Reason: fmt.Sprintf("R%d", i)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world, r *scheduler) {
				key := w.follow(r, 1, tenant{namespace: "fleet"}, "busy", behaviour{takes: time.Millisecond})[0]
				for i := range 10 * 60 * 10 {
					profile := spokeProfile(key, "", 0)
					change(profile, i)
					r.track(profile, v1alpha1.SpokeCheckStatus{})
					pass(100 * time.Millisecond)
				}
				// Ten minutes are twenty intervals: one probe for each of its own, at most one more for news, and the first few.
				if got := w.count(key); got < 20 || got > 2*20*11/10+wakes+2 {
					t.Errorf("%d probes in ten minutes", got)
				}
				if seen, _ := r.latest(key); name == "Access" && seen.Server == "https://spoke/0" {
					t.Error("the new access was never probed")
				}
			})
		})
	}
}

// TestOtherNews: what some cluster managers rewrite all the time wakes nobody.
func TestOtherNews(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, r *scheduler) {
		key := w.follow(r, 1, tenant{namespace: "fleet"}, "a", behaviour{})[0]
		pass(time.Second)
		profile := spokeProfile(key, "", 0)
		profile.Status.Properties = []inventoryv1alpha1.Property{{Name: "nodes", Value: "3"}}
		profile.Annotations = map[string]string{"a": "b"}
		r.track(profile, v1alpha1.SpokeCheckStatus{})
		pass(time.Second)
		if got := w.count(key); got != 1 {
			t.Errorf("%d probes", got)
		}
	})
}

// TestChangedAccessIsBelievedOnce: a spoke that fails joins those that work when its access changes, but not again and again.
func TestChangedAccessIsBelievedOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, r *scheduler) {
		key := w.follow(r, 1, tenant{namespace: "fleet"}, "a", behaviour{takes: time.Second, reason: v1alpha1.ReasonForbidden})[0]
		lane := func(version int) standing {
			pass(2 * time.Second)
			r.track(spokeProfile(key, "", version), v1alpha1.SpokeCheckStatus{})
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.spokes[key].standing
		}
		var got []standing
		for version := range 3 {
			got = append(got, lane(version+1))
		}
		pass(longest * interval)
		got = append(got, lane(4))
		if want := []standing{working, failing, failing, working}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("lanes %v, want %v", got, want)
		}
	})
}

// TestOtherClusterAnswers: that the UID of kube-system differs from the profile's ID is the wrong cluster only where it was
// that ID before, for this consumer or the last one.
func TestOtherClusterAnswers(t *testing.T) {
	profile := spokeProfile(types.NamespacedName{Name: "a"}, "", 0)
	profile.Status.Properties = []inventoryv1alpha1.Property{{Name: v1alpha1.PropertyClusterID, Value: "one"}}
	right := spoke.Result{Result: probe.Result{ClusterID: "one"}}
	other := spoke.Result{Result: probe.Result{ClusterID: "two", Doubt: failure.New(v1alpha1.ReasonWrongCluster, "No")}}
	down := spoke.Result{Result: probe.Result{Failure: failure.New(v1alpha1.ReasonConnectFailed, "No")}}
	for name, tc := range map[string]struct {
		why    string
		before string
		seen   []spoke.Result
		want   string
		known  string
	}{
		"Unknown": {why: "the manager may mean something else", seen: []spoke.Result{other}, want: v1alpha1.ReasonReachable, known: "two"},
		"Proven":  {why: "it was the right one a moment ago", seen: []spoke.Result{right, other}, want: v1alpha1.ReasonWrongCluster, known: "one"},
		"Stays":   {why: "and it stays the wrong one", seen: []spoke.Result{right, other, down, other}, want: v1alpha1.ReasonWrongCluster, known: "one"},
		"Restart": {why: "also after a restart", before: "one", seen: []spoke.Result{other}, want: v1alpha1.ReasonWrongCluster, known: "one"},
		"Back":    {why: "the address leads to the right one again", before: "one", seen: []spoke.Result{other, right}, want: v1alpha1.ReasonReachable, known: "one"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &trackedSpoke{profile: profile, clusterID: tc.before}
			for _, seen := range tc.seen {
				s.takeDown(&result{Result: seen, at: noon})
			}
			if s.last.Reason() != tc.want || s.last.ClusterID != tc.known {
				t.Errorf("%s: %s, cluster %s", tc.why, s.last.Reason(), s.last.ClusterID)
			}
		})
	}
}

// TestRestart: what failed for the last consumer that ran here does not stand in the way of the others at the next start, and
// what was dark is looked at before its plugin is run.
func TestRestart(t *testing.T) {
	bubble(t, func(t *testing.T, w *world, r *scheduler) {
		before := func(reason string) v1alpha1.SpokeCheckStatus {
			return v1alpha1.SpokeCheckStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionFalse, Reason: reason}}}
		}
		for name, want := range map[string]struct {
			before v1alpha1.SpokeCheckStatus
			lane   standing
		}{
			"new":     {v1alpha1.SpokeCheckStatus{}, working},
			"dark":    {before(v1alpha1.ReasonConnectFailed), unseen},
			"refused": {before(v1alpha1.ReasonUnauthorized), failing},
			"worked":  {v1alpha1.SpokeCheckStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReachable}}}, working},
		} {
			key := types.NamespacedName{Namespace: "fleet", Name: name}
			r.track(spokeProfile(key, "", 0), want.before)
			r.mu.Lock()
			if got := r.spokes[key].standing; got != want.lane {
				t.Errorf("%s: lane %d, want %d", name, got, want.lane)
			}
			r.mu.Unlock()
		}
	})
}
