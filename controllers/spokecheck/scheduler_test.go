// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// TestTenantsAreIsolated: whatever one tenant's spokes do, and however many those are, the spokes of another tenant are probed in
// time: fast and slow ones, and those that do not answer.
func TestTenantsAreIsolated(t *testing.T) {
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
				synctest.Test(t, func(t *testing.T) {
					w, r := simulate(t)
					victims := w.track(r, 200, pair[0], "near", behaviour{takes: 5 * time.Millisecond})
					victims = append(victims, w.track(r, 10, pair[0], "far", behaviour{takes: 3500 * time.Millisecond})...)
					victims = append(victims, w.track(r, 10, pair[0], "dark", behaviour{
						takes:  5 * time.Second,
						reason: v1alpha1.ReasonConnectFailed,
					})...)
					pass(2 * interval)
					attackers := w.track(r, 500, pair[1], "tarpit", attack.behaviour)
					from := time.Now()
					for version := range 600 {
						if attack.changes && version%5 == 0 {
							for _, key := range attackers {
								r.track(spokeProfile(key, pair[1].owner, version+1), v1alpha1.SpokeCheckStatus{})
							}
						}
						pass(time.Second)
					}
					// The delay with its jitter, the probe itself, and another one of the same queue before it.
					if allowed := interval*11/10 + 10*time.Second; w.longestGap(from, victims...) > allowed {
						t.Errorf("a spoke was not probed for %s", w.longestGap(from, victims...))
					}
				})
			})
		}
	}
}

// TestHangingSpokesDelayNoOthers: also within one tenant, spokes that hang do not delay those that work, and are themselves pinged in
// every interval.
func TestHangingSpokesDelayNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := simulate(t)
		who := tenant{namespace: "fleet"}
		all := w.track(r, 100, who, "hangs", behaviour{takes: 5 * time.Second, reason: v1alpha1.ReasonConnectFailed})
		all = append(all, w.track(r, 50, who, "refuses", behaviour{reason: v1alpha1.ReasonConnectFailed})...)
		all = append(all, w.track(r, 50, who, "stranger", behaviour{reason: v1alpha1.ReasonTLSFailed})...)
		plugins := w.track(r, 10, who, "plugin", behaviour{takes: 5 * time.Second, reason: v1alpha1.ReasonCredentialsFailed})
		healthy := w.track(r, 340, who, "healthy", behaviour{takes: 10 * time.Millisecond})
		pass(3 * interval)
		from := time.Now()
		pass(10 * interval)
		if got := w.longestGap(from, healthy...); got > interval*11/10+time.Second {
			t.Errorf("a healthy spoke was not probed for %s", got)
		}
		if got := w.longestGap(from, all...); got > interval*11/10+20*time.Second {
			t.Errorf("a spoke that does not answer was not pinged for %s", got)
		}
		if got := w.longestGap(from, plugins...); got > r.pace.heartbeatPeriod()+10*time.Second {
			t.Errorf("a spoke without credentials was not probed for %s", got)
		}
		for _, key := range plugins {
			if got := w.count(key); got > 10 {
				t.Errorf("%d runs of a plugin that fails", got)
			}
		}
		for _, key := range all {
			// Thirteen intervals have passed; those that fail at once are probed once in ten of them.
			if full := w.count(key) - w.pings[key]; full > 2 {
				t.Errorf("%s was probed %d times while it did not answer", key, full)
			}
		}
		reachable, pending := spokeLabels{v1alpha1.ReasonReachable, "unknown"}, spokeLabels{"Pending", "unknown"}
		if counts, oldest, _ := r.stats(); counts[reachable] != 340 || counts[pending] != 0 ||
			oldest > r.pace.heartbeatPeriod()+10*time.Second {
			t.Errorf("%v, the oldest probe %s ago", counts, oldest)
		}
	})
}

// TestRecoveryIsNoticed: the recovery of a spoke is noticed within an interval, however long it was down, and at once if its cluster
// manager reports it.
func TestRecoveryIsNoticed(t *testing.T) {
	for name, notices := range map[string]bool{"ByItself": false, "HealthChanges": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := simulate(t)
				key := w.track(r, 1, tenant{
					namespace: "fleet",
				}, "cut-off", behaviour{takes: 5 * time.Second, reason: v1alpha1.ReasonConnectFailed})[0]
				healthy := spokeProfile(key, "", 0)
				healthy.Status.Conditions = []metav1.Condition{
					{Type: "ControlPlaneHealthy", Status: metav1.ConditionTrue, Reason: "ProbeSucceeded"},
				}
				pass(20 * interval)
				w.set(key, behaviour{takes: time.Millisecond})
				from := time.Now()
				if notices {
					// Between two pings.
					for last, _ := r.latest(key); time.Until(last.next) < 10*time.Second; last, _ = r.latest(key) {
						pass(time.Second)
					}
					from = time.Now()
					r.track(healthy, v1alpha1.SpokeCheckStatus{})
				}
				for last, _ := r.latest(key); !last.Reachable(); last, _ = r.latest(key) {
					pass(100 * time.Millisecond)
				}
				allowed := interval*11/10 + 6*time.Second
				if notices {
					allowed = time.Second
				}
				if took := time.Since(from); took > allowed {
					t.Errorf("the recovery was noticed after %s", took)
				}
			})
		})
	}
}

// TestPingsDoNotReplaceProbesForever: a server may refuse a ping, which has no client certificate, and accept a probe.
func TestPingsDoNotReplaceProbesForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := simulate(t)
		key := w.track(r, 1, tenant{namespace: "fleet"}, "shy", behaviour{reason: v1alpha1.ReasonConnectFailed})[0]
		pass(3 * interval)
		w.set(key, behaviour{shy: true})
		pass((maxBackoffFactor + 2) * interval)
		if seen, _ := r.latest(key); !seen.Reachable() {
			t.Errorf("it is reachable, and reported as %s", seen.Reason())
		}
	})
}

// TestTriggersAreLimited: a profile that changes all the time triggers a few probes at once, and then one in an interval.
func TestTriggersAreLimited(t *testing.T) {
	for name, change := range map[string]func(*inventoryv1alpha1.ClusterProfile, int){
		"Access": func(p *inventoryv1alpha1.ClusterProfile, i int) {
			p.Status.AccessProviders[0].Cluster.Server = fmt.Sprintf("https://spoke/%d", i)
		},
		"Health": func(p *inventoryv1alpha1.ClusterProfile, i int) {
			p.Status.Conditions = []metav1.Condition{
				{Type: "ControlPlaneHealthy", Status: metav1.ConditionTrue, Reason: fmt.Sprintf("R%d", i)},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := simulate(t)
				key := w.track(r, 1, tenant{namespace: "fleet"}, "busy", behaviour{takes: time.Millisecond})[0]
				for i := range 10 * 60 * 10 {
					profile := spokeProfile(key, "", 0)
					change(profile, i)
					r.track(profile, v1alpha1.SpokeCheckStatus{})
					pass(100 * time.Millisecond)
				}
				// Ten minutes are twenty intervals: one probe for each of its own, at most one more for changes, and the first few.
				if got := w.count(key); got < 20 || got > 2*20*11/10+triggerBurst+2 {
					t.Errorf("%d probes in ten minutes", got)
				}
				if seen, _ := r.latest(key); name == "Access" && seen.Server == "https://spoke/0" {
					t.Error("the new access was never probed")
				}
			})
		})
	}
}

// TestOtherChangesTriggerNoProbe: what some cluster managers rewrite all the time does not trigger a probe.
func TestOtherChangesTriggerNoProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := simulate(t)
		key := w.track(r, 1, tenant{namespace: "fleet"}, "a", behaviour{})[0]
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

// TestChangedAccessPromotesOnce: a failing spoke is moved to the healthy queue when its access changes, but not again and again.
func TestChangedAccessPromotesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := simulate(t)
		key := w.track(r, 1, tenant{namespace: "fleet"}, "a", behaviour{takes: time.Second, reason: v1alpha1.ReasonForbidden})[0]
		healthAfter := func(version int) health {
			pass(2 * time.Second)
			r.track(spokeProfile(key, "", version), v1alpha1.SpokeCheckStatus{})
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.spokes[key].health
		}
		var got []health
		for version := range 3 {
			got = append(got, healthAfter(version+1))
		}
		pass(maxBackoffFactor * interval)
		got = append(got, healthAfter(4))
		if want := []health{healthy, failing, failing, healthy}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("health %v, want %v", got, want)
		}
	})
}

// TestEveryChangedAccessIsProbed: pings of the access before do not replace the probe of a new one, however soon it follows.
func TestEveryChangedAccessIsProbed(t *testing.T) {
	for name, waits := range map[string]bool{"BetweenPings": false, "WaitsForAPing": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := simulate(t)
				key := w.track(r, 1, tenant{namespace: "fleet"}, "a", behaviour{reason: v1alpha1.ReasonConnectFailed})[0]
				pass(time.Second)
				r.track(spokeProfile(key, "", 1), v1alpha1.SpokeCheckStatus{})
				pass(time.Second)
				if waits {
					// Other pings take all slots of the tenant, so that the spoke is queued when its access changes.
					for i := range 8 * workers {
						other := types.NamespacedName{Namespace: "fleet", Name: fmt.Sprintf("hangs-%d", i)}
						w.set(other, behaviour{takes: time.Hour, reason: v1alpha1.ReasonConnectFailed})
						r.track(spokeProfile(other, "", 0), v1alpha1.SpokeCheckStatus{Conditions: []metav1.Condition{
							{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonConnectFailed},
						}})
					}
					pass(2 * interval)
				}
				w.set(key, behaviour{shy: true})
				r.track(spokeProfile(key, "", 2), v1alpha1.SpokeCheckStatus{})
				pass(time.Second)
				if seen, _ := r.latest(key); !seen.Reachable() || seen.Server != "https://spoke/2" {
					t.Errorf("%s of %s was reported", seen.Reason(), seen.Server)
				}
			})
		})
	}
}

// TestResultOfAnOldAccess: a probe that runs when the access changes too often to cancel it says nothing about the new access.
func TestResultOfAnOldAccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := simulate(t)
		key := types.NamespacedName{Namespace: "fleet", Name: "a"}
		w.set(key, behaviour{takes: 12 * time.Second, reason: v1alpha1.ReasonConnectFailed})
		for version := range 4 {
			r.track(spokeProfile(key, "", version), v1alpha1.SpokeCheckStatus{})
			pass(time.Second)
		}
		// The server of the new access wants a client certificate, so it does not answer pings.
		w.set(key, behaviour{takes: time.Millisecond, shy: true})
		r.track(spokeProfile(key, "", 4), v1alpha1.SpokeCheckStatus{})
		pass(2 * interval)
		if got, ok := r.latest(key); !ok || !got.Reachable() || got.Server != "https://spoke/4" {
			t.Errorf("the new access has not been probed: %s of %q", got.Reason(), got.Server)
		}
	})
}

// TestRestartRestoresHealth: spokes that failed before a restart do not delay the others after it, and those that did not answer are pinged
// before their plugin is run.
func TestRestartRestoresHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, r := simulate(t)
		before := func(reason string) v1alpha1.SpokeCheckStatus {
			return v1alpha1.SpokeCheckStatus{
				Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionFalse, Reason: reason}},
			}
		}
		for name, want := range map[string]struct {
			before v1alpha1.SpokeCheckStatus
			queue  health
		}{
			"new":     {v1alpha1.SpokeCheckStatus{}, healthy},
			"dark":    {before(v1alpha1.ReasonConnectFailed), silent},
			"refused": {before(v1alpha1.ReasonUnauthorized), failing},
			"worked": {
				v1alpha1.SpokeCheckStatus{
					Conditions: []metav1.Condition{
						{Type: v1alpha1.ConditionReachable, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReachable},
					},
				},
				healthy,
			},
		} {
			key := types.NamespacedName{Namespace: "fleet", Name: name}
			r.track(spokeProfile(key, "", 0), want.before)
			r.mu.Lock()
			if got := r.spokes[key].health; got != want.queue {
				t.Errorf("%s: queue %d, want %d", name, got, want.queue)
			}
			r.mu.Unlock()
		}
	})
}
