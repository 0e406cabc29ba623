// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"strings"
	"testing"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

func TestDisplayName(t *testing.T) {
	for name, tc := range map[string]struct{ why, annotation, want string }{
		"None":     {why: "the Cluster's name will do", want: "c1"},
		"Given":    {why: "for people, in their language", annotation: "Köln, Süd – 東京", want: "Köln, Süd – 東京"},
		"Spaces":   {why: "an annotation often ends with a line break", annotation: "\n  London \t West\n", want: "London West"},
		"Blank":    {why: "nothing to read is no name", annotation: " \n\t", want: "c1"},
		"Control":  {why: "a terminal must not obey a name", annotation: "a\x1b[31mb\x00c\u009bd", want: "a[31mbcd"},
		"Reversed": {why: "a name must not turn around what stands beside it", annotation: "\u202egnp.\u2066exe", want: "gnp.exe"},
		"Joined":   {why: "some scripts need joiners", annotation: "می\u200cخواهم", want: "می\u200cخواهم"},
		"Longest":  {why: "as long as an object's name may be", annotation: strings.Repeat("ü", 253), want: strings.Repeat("ü", 253)},
		"Longer":   {why: "a profile is read by many", annotation: strings.Repeat("ü", 254), want: strings.Repeat("ü", 252) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _ := compile(t, v1alpha1.InventorySpec{}).Profile(facts(fixture.Cluster("a", "c1", fixture.Annotations(map[string]string{
				v1alpha1.AnnotationDisplayName: tc.annotation,
			}))))
			if got := *out.Spec.DisplayName; got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}
