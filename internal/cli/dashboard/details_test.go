// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"encoding/json"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/sets"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
)

// TestLimit: what -n leaves out is not taken for what the user may not read.
func TestLimit(t *testing.T) {
	cases := map[string]struct {
		why       string
		namespace string
		unread    sets.Set[string]
		want      string
	}{
		"Limited":   {why: "the user has chosen a namespace", namespace: "a", want: "and -n leaves out the profiles there"},
		"Forbidden": {why: "the user may read no profiles", unread: sets.New[string](), want: "and you may not list the profiles there"},
		"Both": {
			why:       "the rights are missing in the namespace itself",
			namespace: "a",
			unread:    sets.New[string](),
			want:      "and you may not list the profiles there",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := *profileNamed("london")
			known := explain.Facts{Profiles: []inventoryv1alpha1.ClusterProfile{p}, Unread: explain.Unread{Profiles: tc.unread}}
			known.Lint.Namespaces = lint.DefaultNamespaces
			known = (&Dashboard{options: Options{Namespace: tc.namespace}}).limit(known)
			findings, err := json.Marshal(lint.Lint(known.Profiles, known.Profiles, known.Lint))
			must(t, err)
			if !strings.Contains(string(findings), tc.want) {
				t.Errorf("%s: want %q in %s", tc.why, tc.want, findings)
			}
		})
	}
}
