// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"strings"
	"testing"
)

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
			for _, alert := range alerts(t, values) {
				if alert.Alert != "CAPIInventoryProbesLate" {
					continue
				}
				if _, threshold, _ := strings.Cut(alert.Expr, " > "); threshold != tc.want {
					t.Errorf("%s: %s; want %s", tc.why, alert.Expr, tc.want)
				}
				return
			}
			t.Error("there is no such alert")
		})
	}
}
