// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package ssa

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// What is owned is decoded once for all objects of which the same is owned, and is the same as if decoded again.
func TestDecode(t *testing.T) {
	large := fmt.Sprintf(`{"f:%s":{}}`, strings.Repeat("x", maxKnownSize))
	for name, tc := range map[string]struct {
		why, raw string
		want     fields
		invalid  bool
		once     bool
	}{
		"Fields":  {why: "many objects have them", raw: `{"f:a":{"f:b":{}}}`, want: fields{"f:a": fields{"f:b": fields{}}}, once: true},
		"Large":   {why: "few objects have as much", raw: large, want: fields{large[2 : len(large)-5]: fields{}}},
		"Null":    {why: "nothing is owned", raw: `null`},
		"Invalid": {why: "it is reported each time", raw: `{"f:a":`, invalid: true},
	} {
		t.Run(name, func(t *testing.T) {
			var got [2]fields
			for i := range got {
				var err error
				if got[i], err = decode(tc.raw); (err != nil) != tc.invalid {
					t.Fatalf("%s: error %v", tc.why, err)
				}
				if !reflect.DeepEqual(got[i], tc.want) {
					t.Errorf("%s: got %v, want %v", tc.why, got[i], tc.want)
				}
			}
			once := got[0] != nil && reflect.ValueOf(got[0]).Pointer() == reflect.ValueOf(got[1]).Pointer()
			if once != tc.once {
				t.Errorf("%s: decoded once is %t", tc.why, once)
			}
		})
	}
}

func TestKnownSetsAreBounded(t *testing.T) {
	for i := range maxKnown + 1 {
		field := fmt.Sprintf("f:%d", i)
		if got, err := decode(fmt.Sprintf(`{%q:{}}`, field)); err != nil || got[field] == nil {
			t.Fatalf("got %v, %v", got, err)
		}
		if len(known.sets) > maxKnown {
			t.Fatalf("%d sets are kept", len(known.sets))
		}
	}
}
