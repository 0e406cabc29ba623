// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

func TestSchedulerMetrics(t *testing.T) {
	r := newScheduler(wellBehaved(), pace{time.Minute, time.Hour}, 1, clocktesting.NewFakeClock(noon))
	t.Cleanup(r.due.ShutDown)
	works := spoke.Result{Provider: "p", Result: probe.Result{Steps: []probe.Step{{Name: "tls", Took: 7 * time.Millisecond}}}}
	fails := spoke.Result{Result: probe.Result{Failure: failure.New(v1alpha1.ReasonNotReady, "No")}}
	ends := []v1alpha1.Expiration{{Kind: v1alpha1.ExpiringToken, Time: metav1.NewTime(noon.Add(time.Hour))}}
	later := []v1alpha1.Expiration{{Kind: v1alpha1.ExpiringToken, Time: metav1.NewTime(noon.Add(2 * time.Hour))}}
	for name, last := range map[string]*result{
		"a": {Result: works, at: noon, expirations: ends},
		"e": {Result: works, at: noon, expirations: later},
		"b": {Result: works, at: noon.Add(-90 * time.Second)},
		"c": {Result: fails, at: noon},
		"d": nil,
	} {
		r.spokes[types.NamespacedName{Name: name}] = &trackedSpoke{last: last, profile: &inventoryv1alpha1.ClusterProfile{}}
	}
	joined := metav1.Condition{Type: v1alpha1.ConditionJoined, Status: metav1.ConditionTrue}
	r.spokes[types.NamespacedName{Name: "a"}].profile.Status.Conditions = []metav1.Condition{joined}
	joined.Status = metav1.ConditionFalse
	r.spokes[types.NamespacedName{Name: "b"}].profile.Status.Conditions = []metav1.Condition{joined}
	r.metrics.observe(&works)
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(r); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		if family.GetHelp() == "" {
			t.Errorf("%s has no help text", family.GetName())
		}
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				name += " " + label.GetValue()
			}
			got[name] = metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	want := map[string]float64{
		"capi_inventory_consumer_oldest_probe_age_seconds":       90,
		"capi_inventory_consumer_spokes unknown NotReady":        1,
		"capi_inventory_consumer_spokes unknown Pending":         1,
		"capi_inventory_consumer_spokes unknown Reachable":       1,
		"capi_inventory_consumer_spokes true Reachable":          1,
		"capi_inventory_consumer_spokes false Reachable":         1,
		"capi_inventory_consumer_expiry_timestamp_seconds Token": float64(noon.Add(time.Hour).Unix()),
		"capi_inventory_consumer_probe_step_seconds p tls":       1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
