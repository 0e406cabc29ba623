// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"strings"
	"testing"
)

// thresholdOf returns what an alert compares its metric with.
func thresholdOf(t *testing.T, values, alert string) string {
	t.Helper()
	for _, found := range alerts(t, values) {
		if words := strings.Fields(found.Expr); found.Alert == alert {
			return words[len(words)-1]
		}
	}
	t.Fatalf("there is no alert %s", alert)
	return ""
}

// TestProbesLateFollowsTheInterval: a consumer that probes seldom because it was set up to is not late.
func TestProbesLateFollowsTheInterval(t *testing.T) {
	for name, tc := range map[string]struct {
		why, consumer, rules, want string
	}{
		"Default":       {why: "three times the heartbeat", want: "900"},
		"LongInterval":  {why: "three times the interval with its jitter", consumer: "interval: 1h30m", want: "17820"},
		"LongHeartbeat": {why: "a spoke whose credentials are refused waits for that long", consumer: "heartbeat: 0.5h", want: "5400"},
		"ShortInterval": {why: "the heartbeat stays", consumer: "interval: 500ms", want: "900"},
		"Odd":           {why: "the threshold is a whole number", consumer: "interval: 1s, heartbeat: 1s100ms", want: "4"},
		"ByHand":        {why: "an administrator knows better", consumer: "interval: 1h", rules: ", oldestProbeSeconds: 42", want: "42"},
	} {
		t.Run(name, func(t *testing.T) {
			values := "metrics: {rules: {enabled: true" + tc.rules + "}}\nconsumer: {" + tc.consumer + "}"
			if got := thresholdOf(t, values, "CAPIInventoryProbesLate"); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.why, got, tc.want)
			}
		})
	}
}
