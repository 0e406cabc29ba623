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

// TestTurns: who is given the places of a lane, in which order. A step is "join TENANT N" (N spokes join the line), "leave
// TENANT", "quit TENANT I" (the I-th spoke that joined), or "next", after which all places that can be given are.
func TestTurns(t *testing.T) {
	cases := map[string]struct {
		why    string
		places int
		steps  []string
		// want is who was given a place, by each step that gave any.
		want []string
	}{
		"Order":     {why: "first come, first served", places: 12, steps: []string{"join a 3", "next"}, want: []string{"a/0 a/1 a/2"}},
		"OnePlace":  {why: "the smallest lane works too", places: 1, steps: []string{"join a 2", "next", "leave a", "next"}, want: []string{"a/0", "a/1"}},
		"Share":     {why: "a single tenant gets a third of the lane, so that others find room", places: 12, steps: []string{"join a 100", "next"}, want: []string{"a/0 a/1 a/2 a/3"}},
		"Newcomer":  {why: "who comes later finds a free place at once", places: 12, steps: []string{"join a 100", "next", "join b 2", "next"}, want: []string{"a/0 a/1 a/2 a/3", "b/0 b/1"}},
		"Alternate": {why: "those who hold as much take turns", places: 8, steps: []string{"join a 5", "join b 5", "next"}, want: []string{"a/0 b/0 a/1 b/1"}},
		"Last": {why: "after many greedy ones there is still a place for one that holds none", places: 12, steps: []string{"join a 9", "next", "join b 9", "next", "join c 9", "next", "join d 9", "next", "join e 1", "next"},
			want: []string{"a/0 a/1 a/2 a/3", "b/0 b/1 b/2", "c/0 c/1", "d/0", "e/0"}},
		"Full": {why: "those who hold as little take turns, and who came later has one too", places: 2,
			steps: []string{"join a 9", "join b 9", "next", "join c 1", "next", "leave a", "next", "leave b", "next", "leave a", "next"}, want: []string{"a/0 b/0", "a/1", "b/1", "c/0"}},
		"Owners":     {why: "tenants that are published into one namespace are told apart", places: 12, steps: []string{"join hub:a 100", "next", "join hub:b 1", "next"}, want: []string{"hub:a/0 hub:a/1 hub:a/2 hub:a/3", "hub:b/0"}},
		"Forged":     {why: "who makes many tenants of his namespace gets no more than half of the lane", places: 12, steps: []string{"join x:1 9", "join x:2 9", "join x:3 9", "join x:4 9", "join x:5 9", "join x:6 9", "join x:7 9", "next", "join b 1", "next"}, want: []string{"x:1/0 x:2/0 x:3/0 x:4/0 x:5/0 x:6/0", "b/0"}},
		"Quit":       {why: "who has gone is not served", places: 12, steps: []string{"join a 3", "quit a 1", "next"}, want: []string{"a/0 a/2"}},
		"QuitAll":    {why: "a line that nobody stands in is no line", places: 12, steps: []string{"join a 1", "quit a 0", "next", "join a 1", "next"}, want: []string{"a/1"}},
		"LongServed": {why: "of those who hold nothing, the one who was served longest ago is next", places: 1, steps: []string{"join a 2", "join b 2", "next", "leave a", "next", "leave b", "next"}, want: []string{"a/0", "b/0", "a/1"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			lane := newQueue(tc.places)
			joined := map[tenant]int{}
			var got []string
			for _, step := range tc.steps {
				words := strings.Fields(step)
				if words[0] == "next" {
					if given := giveAll(lane); given != "" {
						got = append(got, given)
					}
					continue
				}
				namespace, owner, _ := strings.Cut(words[1], ":")
				who, number := tenant{namespace, owner}, 0
				if len(words) > 2 {
					fmt.Sscan(words[2], &number)
				}
				switch words[0] {
				case "join":
					for range number {
						lane.join(who, types.NamespacedName{Namespace: words[1], Name: fmt.Sprint(joined[who])})
						joined[who]++
					}
				case "quit":
					lane.quit(who, types.NamespacedName{Namespace: words[1], Name: fmt.Sprint(number)})
				case "leave":
					lane.leave(who)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func giveAll(lane *queue) string {
	var given []string
	for _, spoke, ok := lane.next(); ok; _, spoke, ok = lane.next() {
		given = append(given, spoke.String())
	}
	return strings.Join(given, " ")
}

// TestTurnsForgetTenants: tenants come and go for years.
func TestTurnsForgetTenants(t *testing.T) {
	lane := newQueue(4)
	for i := range 100 {
		lane.join(tenant{namespace: fmt.Sprint(i)}, types.NamespacedName{Name: "a"})
	}
	for who, _, ok := lane.next(); ok; who, _, ok = lane.next() {
		lane.leave(who)
	}
	if len(lane.lines) != 0 || len(lane.byNamespace) != 0 || lane.taken != 0 {
		t.Errorf("left behind: %+v", lane)
	}
}
