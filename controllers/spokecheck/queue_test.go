// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
)

// TestQueueSharesSlotsFairly: which tenants get slots, in which order. A step is "add TENANT N" (N spokes are added), "release
// TENANT", "remove TENANT I" (the I-th spoke that was added), or "acquire", which gives all slots that can be given.
func TestQueueSharesSlotsFairly(t *testing.T) {
	cases := map[string]struct {
		why      string
		capacity int
		steps    []string
		// want is the spokes that got a slot, by each step that gave any.
		want []string
	}{
		"Order": {
			why:      "first in, first out",
			capacity: 12,
			steps:    []string{"add a 3", "acquire"},
			want:     []string{"a/0 a/1 a/2"},
		},
		"OneSlot": {
			why:      "the smallest queue works too",
			capacity: 1,
			steps:    []string{"add a 2", "acquire", "release a", "acquire"},
			want:     []string{"a/0", "a/1"},
		},
		"Share": {
			why:      "a single tenant gets a third of the slots, so that others find free ones",
			capacity: 12,
			steps:    []string{"add a 100", "acquire"},
			want:     []string{"a/0 a/1 a/2 a/3"},
		},
		"Newcomer": {
			why:      "a tenant that comes later finds a free slot at once",
			capacity: 12,
			steps:    []string{"add a 100", "acquire", "add b 2", "acquire"},
			want:     []string{"a/0 a/1 a/2 a/3", "b/0 b/1"},
		},
		"Alternate": {
			why:      "tenants that hold equally many alternate",
			capacity: 8,
			steps:    []string{"add a 5", "add b 5", "acquire"},
			want:     []string{"a/0 b/0 a/1 b/1"},
		},
		"Last": {
			why:      "after many greedy tenants there is still a slot for one that holds none",
			capacity: 12,
			steps: []string{
				"add a 9", "acquire", "add b 9", "acquire", "add c 9", "acquire", "add d 9", "acquire", "add e 1", "acquire",
			},
			want: []string{"a/0 a/1 a/2 a/3", "b/0 b/1 b/2", "c/0 c/1", "d/0", "e/0"},
		},
		"Full": {
			why:      "tenants that hold equally few alternate, also with one that came later",
			capacity: 2,
			steps: []string{
				"add a 9", "add b 9", "acquire", "add c 1", "acquire",
				"release a", "acquire", "release b", "acquire", "release a", "acquire",
			},
			want: []string{"a/0 b/0", "a/1", "b/1", "c/0"},
		},
		"Owners": {
			why:      "tenants that are published into one namespace are distinguished",
			capacity: 12,
			steps:    []string{"add hub:a 100", "acquire", "add hub:b 1", "acquire"},
			want:     []string{"hub:a/0 hub:a/1 hub:a/2 hub:a/3", "hub:b/0"},
		},
		"Forged": {
			why:      "a namespace that pretends to be many tenants gets no more than half of the slots",
			capacity: 12,
			steps: []string{
				"add x:1 9", "add x:2 9", "add x:3 9", "add x:4 9", "add x:5 9", "add x:6 9", "add x:7 9", "acquire", "add b 1", "acquire",
			},
			want: []string{"x:1/0 x:2/0 x:3/0 x:4/0 x:5/0 x:6/0", "b/0"},
		},
		"Remove": {
			why:      "a spoke that is gone is not served",
			capacity: 12,
			steps:    []string{"add a 3", "remove a 1", "acquire"},
			want:     []string{"a/0 a/2"},
		},
		"RemoveAll": {
			why:      "an empty queue is dropped",
			capacity: 12,
			steps:    []string{"add a 1", "remove a 0", "acquire", "add a 1", "acquire"},
			want:     []string{"a/1"},
		},
		"LeastRecent": {
			why:      "of tenants that hold nothing, the least recently served is next",
			capacity: 1,
			steps:    []string{"add a 2", "add b 2", "acquire", "release a", "acquire", "release b", "acquire"},
			want:     []string{"a/0", "b/0", "a/1"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			q := newQueue(tc.capacity)
			added := map[tenant]int{}
			var got []string
			for _, step := range tc.steps {
				words := strings.Fields(step)
				if words[0] == "acquire" {
					if given := acquireAll(q); given != "" {
						got = append(got, given)
					}
					continue
				}
				namespace, label, _ := strings.Cut(words[1], ":")
				owner, number := tenant{namespace, label}, 0
				if len(words) > 2 {
					fmt.Sscan(words[2], &number)
				}
				switch words[0] {
				case "add":
					for range number {
						q.add(owner, types.NamespacedName{Namespace: words[1], Name: fmt.Sprint(added[owner])})
						added[owner]++
					}
				case "remove":
					q.remove(owner, types.NamespacedName{Namespace: words[1], Name: fmt.Sprint(number)})
				case "release":
					q.release(owner)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func acquireAll(q *queue) string {
	var given []string
	for _, spoke, ok := q.acquire(); ok; _, spoke, ok = q.acquire() {
		given = append(given, spoke.String())
	}
	return strings.Join(given, " ")
}

// TestQueueForgetsTenants: tenants come and go for years.
func TestQueueForgetsTenants(t *testing.T) {
	q := newQueue(4)
	for i := range 100 {
		q.add(tenant{namespace: fmt.Sprint(i)}, types.NamespacedName{Name: "a"})
	}
	for owner, _, ok := q.acquire(); ok; owner, _, ok = q.acquire() {
		q.release(owner)
	}
	if len(q.tenants) != 0 || len(q.runningByNamespace) != 0 || q.running != 0 {
		t.Errorf("left behind: %+v", q)
	}
}
