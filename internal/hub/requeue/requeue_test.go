// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package requeue_test

import (
	"testing"
	"time"

	"github.com/capi-inventory/capi-inventory/internal/hub/requeue"
)

func TestMin(t *testing.T) {
	for name, tc := range map[string]struct {
		after []time.Duration
		want  time.Duration
	}{
		"None":      {},
		"Never":     {after: []time.Duration{0, 0}},
		"OneNever":  {after: []time.Duration{0, time.Minute}, want: time.Minute},
		"Shortest":  {after: []time.Duration{time.Minute, time.Second, time.Hour}, want: time.Second},
		"NoneIsOld": {after: []time.Duration{-time.Second, time.Hour}, want: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			if got := requeue.Min(tc.after...); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
