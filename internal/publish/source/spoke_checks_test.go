// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// ofSpokeChecks is the key of the informer of SpokeChecks in informers: a typed object has no kind.
var ofSpokeChecks schema.GroupVersionKind

// discovery is an API server that may serve SpokeChecks.
type discovery struct {
	served bool
	err    error
	asked  int
}

func (d *discovery) serves() (bool, error) {
	d.asked++
	return d.served, d.err
}

func newTestClusters(server *discovery) (*Clusters, *informers, *clocktesting.FakeClock) {
	cache, clock := &informers{kinds: map[schema.GroupVersionKind]*informer{}}, clocktesting.NewFakeClock(time.Now())
	return NewClusters(Options{Client: cache, Cache: cache, Clock: clock, ServesSpokeChecks: server.serves}), cache, clock
}

func inventoryWith(t *testing.T, policy v1alpha1.SpokeCheckPolicy) *profile.Inventory {
	t.Helper()
	compiler, err := cel.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	inventory, err := profile.Compile(compiler, &v1alpha1.Inventory{Spec: v1alpha1.InventorySpec{SpokeCheckPolicy: policy}})
	if err != nil {
		t.Fatal(err)
	}
	return inventory
}

// look adds the SpokeCheck of a Cluster to the facts.
func look(t *testing.T, c *Clusters, inventory *profile.Inventory) Facts {
	t.Helper()
	facts := Facts{Facts: profile.Facts{Cluster: clusterIn(team1), Waiting: map[string]profile.Unknown{}, Now: c.clock.Now()}}
	if err := c.addSpokeCheck(t.Context(), inventory, &facts); err != nil {
		t.Fatal(err)
	}
	return facts
}

// TestSpokeChecksAreOptional: a hub that does not serve them is asked again in a while, whatever becomes of the Cluster that asked.
func TestSpokeChecksAreOptional(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &discovery{}
		c, cache, clock := newTestClusters(server)
		trusting, ignoring := inventoryWith(t, v1alpha1.SpokeCheckPolicyTrust), inventoryWith(t, v1alpha1.SpokeCheckPolicyIgnore)
		if look(t, c, ignoring); server.asked > 0 {
			t.Errorf("they are not needed: asked %d times", server.asked)
		}
		for range 3 {
			facts := look(t, c, trusting)
			if facts.SpokeCheckUnknown || facts.SpokeCheck != nil || facts.RequeueAfter != 0 || server.asked != 1 {
				t.Errorf("again after %s, asked %d times", facts.RequeueAfter, server.asked)
			}
		}
		for _, tc := range []struct {
			why     string
			served  bool
			err     error
			watched bool
		}{
			{why: "not served yet"},
			{why: "not known", err: errors.New("the API server does not answer")},
			{why: "served", served: true, watched: true},
		} {
			server.served, server.err = tc.served, tc.err
			synctest.Wait()
			clock.Step(discoveryInterval)
			synctest.Wait()
			if watched := cache.kinds[ofSpokeChecks] != nil; watched != tc.watched {
				t.Errorf("%s: watched %t", tc.why, watched)
			}
		}
		if look(t, c, trusting).SpokeCheck == nil {
			t.Error("a SpokeCheck is not read")
		}
	})
}

// TestDiscoveryOfSpokeChecksEnds: what nobody trusts any more is not watched later.
func TestDiscoveryOfSpokeChecksEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &discovery{}
		c, cache, clock := newTestClusters(server)
		look(t, c, inventoryWith(t, v1alpha1.SpokeCheckPolicyTrust))
		if err := c.KeepSpokeChecks(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		server.served = true
		synctest.Wait()
		clock.Step(discoveryInterval)
		synctest.Wait()
		if server.asked != 1 || cache.kinds[ofSpokeChecks] != nil {
			t.Errorf("asked %d times, and watched are %v", server.asked, cache.kinds)
		}
	})
}

func TestSpokeChecksThatCannotBeDiscovered(t *testing.T) {
	c, _, _ := newTestClusters(&discovery{err: errors.New("the API server does not answer")})
	facts := Facts{Facts: profile.Facts{Cluster: clusterIn(team1)}}
	if err := c.addSpokeCheck(t.Context(), inventoryWith(t, v1alpha1.SpokeCheckPolicyTrust), &facts); err == nil {
		t.Error("what is not known is not absent")
	}
}

// TestSpokeChecksAreWatchedWhileTrusted: the watch begins with the first Inventory that trusts them, and ends with the last one.
func TestSpokeChecksAreWatchedWhileTrusted(t *testing.T) {
	c, cache, _ := newTestClusters(&discovery{served: true})
	trusting, ignoring := inventoryWith(t, v1alpha1.SpokeCheckPolicyTrust), inventoryWith(t, "")
	for i, step := range []struct {
		look *profile.Inventory
		all  []*profile.Inventory
		want bool
	}{
		{look: ignoring, all: []*profile.Inventory{ignoring}},
		{look: trusting, all: []*profile.Inventory{ignoring, trusting}, want: true},
		{look: ignoring, all: []*profile.Inventory{ignoring, trusting}, want: true},
		{look: ignoring, all: []*profile.Inventory{ignoring}},
		{look: ignoring},
		{look: trusting, all: []*profile.Inventory{trusting}, want: true},
	} {
		look(t, c, step.look)
		if err := c.KeepSpokeChecks(t.Context(), step.all); err != nil {
			t.Fatal(err)
		}
		if got := cache.kinds[ofSpokeChecks] != nil; got != step.want {
			t.Errorf("step %d: watched %t", i, got)
		}
	}
}

// TestSpokeChecksAreReadWhileWatched: a read of a kind that is not watched starts a watch that nothing would end.
func TestSpokeChecksAreReadWhileWatched(t *testing.T) {
	c, cache, _ := newTestClusters(&discovery{served: true})
	trusting := inventoryWith(t, v1alpha1.SpokeCheckPolicyTrust)
	reads := 0
	cache.reading = func() {
		reads++
		if c.spokeChecks.inUse.TryLock() {
			c.spokeChecks.inUse.Unlock()
			t.Error("the watch may be ended during the read")
		}
	}
	if facts := look(t, c, trusting); facts.SpokeCheck == nil {
		t.Error("the SpokeCheck is not read")
	}
	if !c.HasSpokeCheck(t.Context(), types.NamespacedName{}) || reads != 2 {
		t.Errorf("%d reads", reads)
	}

	if err := c.KeepSpokeChecks(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, read, err := c.spokeChecks.read(t.Context(), cache, types.NamespacedName{}); read || err != nil || reads != 2 {
		t.Errorf("read after the watch has ended: %t, %v", read, err)
	}
}

// TestSpokeChecksThatAreNotListed: before the first list it is not known what they say.
func TestSpokeChecksThatAreNotListed(t *testing.T) {
	c, cache, clock := newTestClusters(&discovery{served: true})
	trusting := inventoryWith(t, v1alpha1.SpokeCheckPolicyTrust)
	look(t, c, trusting)
	cache.kinds[ofSpokeChecks].synced = false
	for name, tc := range map[string]struct {
		after, again   time.Duration
		reported, long bool
	}{
		"AtOnce":  {again: syncingRequeue},
		"Slow":    {after: initialSyncTimeout + time.Second, again: unlistedRequeue, reported: true},
		"TooSlow": {after: slowSyncAfter + time.Second, again: unlistedRequeue, reported: true, long: true},
	} {
		t.Run(name, func(t *testing.T) {
			start := clock.Now()
			defer clock.SetTime(start)
			clock.Step(tc.after)
			facts := look(t, c, trusting)
			waiting, reported := facts.Waiting[waitingForSpokeChecks]
			if !facts.SpokeCheckUnknown || reported != tc.reported || waiting.Long != tc.long || facts.RequeueAfter != tc.again {
				t.Errorf("unknown %t, %+v, again after %s", facts.SpokeCheckUnknown, waiting, facts.RequeueAfter)
			}
		})
	}
}

// TestHeartbeatsReconcileNothing: an event reconciles a Cluster only if its profile may follow.
func TestHeartbeatsReconcileNothing(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		change func(before, after *v1alpha1.SpokeCheck)
		want   bool
	}{
		"Heartbeat": {change: func(_, _ *v1alpha1.SpokeCheck) {}},
		"Message":   {change: func(_, after *v1alpha1.SpokeCheck) { after.Status.Conditions[0].Message = "another" }},
		"Status": {want: true, change: func(_, after *v1alpha1.SpokeCheck) {
			after.Status.Conditions[0].Status = metav1.ConditionFalse
		}},
		"Reason": {want: true, change: func(_, after *v1alpha1.SpokeCheck) { after.Status.Conditions[0].Reason = "NotReady" }},
		"Transition": {want: true, change: func(_, after *v1alpha1.SpokeCheck) {
			after.Status.Conditions[0].LastTransitionTime = metav1.NewTime(now)
		}},
		"FirstReport": {want: true, change: func(before, _ *v1alpha1.SpokeCheck) { before.Status.Conditions = nil }},
		"Nothing": {change: func(before, after *v1alpha1.SpokeCheck) {
			before.Status.Conditions, after.Status.Conditions = nil, nil
		}},
		"Version":   {want: true, change: func(_, after *v1alpha1.SpokeCheck) { after.Status.KubernetesVersion = "v1.37.0" }},
		"Server":    {want: true, change: func(_, after *v1alpha1.SpokeCheck) { after.Status.Server = "https://10.0.0.9" }},
		"Owner":     {want: true, change: func(before, _ *v1alpha1.SpokeCheck) { before.OwnerReferences = nil }},
		"MadeAgain": {want: true, change: func(before, _ *v1alpha1.SpokeCheck) { before.UID = "earlier" }},
		"AfterSilence": {want: true, change: func(before, _ *v1alpha1.SpokeCheck) {
			before.Status.LastProbeTime.Time = now.Add(-time.Hour)
		}},
		"StaleAnyway":   {change: func(_, after *v1alpha1.SpokeCheck) { after.Status.LastProbeTime.Time = now.Add(-time.Hour) }},
		"FirstPromises": {want: true, change: func(before, _ *v1alpha1.SpokeCheck) { before.Status.HeartbeatSeconds = 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			before := &v1alpha1.SpokeCheck{
				ObjectMeta: metav1.ObjectMeta{UID: "c", OwnerReferences: []metav1.OwnerReference{{UID: "p"}}},
				Status: v1alpha1.SpokeCheckStatus{
					Conditions: []metav1.Condition{{
						Type: v1alpha1.ConditionReachable, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReachable,
					}},
					LastProbeTime:    &metav1.Time{Time: now.Add(-5 * time.Minute)},
					HeartbeatSeconds: 300,
				},
			}
			after := before.DeepCopy()
			after.Status.LastProbeTime = &metav1.Time{Time: now}
			tc.change(before, after)
			if got := spokeCheckChanged(before, after, now); got != tc.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

// TestSpokeCheckEventsNameTheProfile: so does the event of a deleted one.
func TestSpokeCheckEventsNameTheProfile(t *testing.T) {
	c, cache, _ := newTestClusters(&discovery{served: true})
	look(t, c, inventoryWith(t, v1alpha1.SpokeCheckPolicyTrust))
	check := &v1alpha1.SpokeCheck{ObjectMeta: metav1.ObjectMeta{Namespace: team1, Name: "c1"}}
	handler := cache.kinds[ofSpokeChecks].handler
	// The same again is not sent: nothing receives here.
	handler.OnUpdate(check, check)
	for _, send := range []func(){func() { handler.OnAdd(check, true) }, func() { handler.OnDelete(check) }} {
		go send()
		if got := (<-c.SpokeCheckChanged()).Object; got != (types.NamespacedName{Namespace: team1, Name: "c1"}) {
			t.Errorf("got %s", got)
		}
	}
}
