// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
)

// TestEqualObjectsGiveEqualValues evaluates many times: Go gives the keys of a map in another order each time.
func TestEqualObjectsGiveEqualValues(t *testing.T) {
	labels, nested := map[string]any{}, map[string]any{}
	for _, key := range []string{"f", "b", "a", "d", "e", "c"} {
		labels[key] = key + "1"
		nested[key] = map[string]any{"z": key, "y": []any{map[string]any{"q": "1", "p": "2", "o": "3"}}}
	}
	objects := map[string]any{cel.Cluster: map[string]any{"metadata": map[string]any{"labels": labels}, "spec": nested}}
	for source, want := range map[string]any{
		"cluster.metadata.labels.map(k, k).join(',')":                                                  "a,b,c,d,e,f",
		"cluster.metadata.labels.filter(k, k != 'a').join(',')":                                        "b,c,d,e,f",
		"cluster.metadata.labels.map(k, k != 'b', cluster.metadata.labels[k]).join(',')":               "a1,c1,d1,e1,f1",
		"cluster.metadata.labels.transformList(k, v, k + '=' + v).join(',')":                           "a=a1,b=b1,c=c1,d=d1,e=e1,f=f1",
		"cluster.metadata.labels.transformMap(k, v, v + 'x').map(k, k).join(',')":                      "a,b,c,d,e,f",
		"cluster.metadata.labels.transformMapEntry(k, v, {v: k}).transformList(k, v, k + v).join(',')": "a1a,b1b,c1c,d1d,e1e,f1f",
		"[cluster.metadata.labels.transformMap(k, v, v)].map(m, m.map(k, k).join(',')).join(';')":      "a,b,c,d,e,f",
		"optional.of(cluster.metadata.labels.transformMap(k, v, v)).value().map(k, k).join(',')":       "a,b,c,d,e,f",
		"(cluster.metadata.labels.size() > 1 ? " +
			"cluster.metadata.labels.transformMap(k, v, v) : " +
			"cluster.metadata.labels).map(k, k).join(',')": "a,b,c,d,e,f",
		"cluster.metadata.?labels.orValue({}).map(k, k).join(',')":               "a,b,c,d,e,f",
		"cluster.spec.map(k, cluster.spec[k].y[0].map(l, l).join('')).join(',')": "opq,opq,opq,opq,opq,opq",
		"[cluster.spec].map(s, s.map(k, s[k].z).join(',')).join(',')":            "a,b,c,d,e,f",
		"{'f': 1, 'b': 1, 'a': 1, 'd': 1, 'e': 1, 'c': 1}.map(k, k).join(',')":   "a,b,c,d,e,f",
		"{6: 1, 2: 1, 10: 1, -4: 1, 5: 1, 3: 1}.map(k, string(k)).join(',')":     "-4,2,3,5,6,10",
		"{dyn(true): 1, dyn('b'): 1, dyn(10): 1, dyn(false): 1, dyn('a'): 1, dyn(3u): 1}" +
			".map(k, string(k)).join(',')": "false,true,10,a,b,3",
		"url('https://a/?f=1&b=1&a=1&d=1&e=1&c=1').getQuery().map(k, k).join(',')":                        "a,b,c,d,e,f",
		"url('https://a/?f=1&b=1&a=1').getQuery().transformList(k, v, k + v[0]).join(',')":                "a1,b1,f1",
		"'%s'.format([cluster.metadata.labels])":                                                          `{"a":"a1", "b":"b1", "c":"c1", "d":"d1", "e":"e1", "f":"f1"}`,
		"cluster.metadata.labels.exists(k, k > 'b') ? cluster.metadata.labels.filter(k, k > 'b')[0] : ''": "c",
		"cluster.metadata.labels == cluster.metadata.labels.transformMap(k, v, v)":                        true,
		"'a' in cluster.metadata.labels && !('x' in cluster.metadata.labels)":                             true,
	} {
		program, err := newCompiler(t).Compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		for range 100 {
			got, err := program.Value(objects)
			if err != nil || !cmp.Equal(got, want) {
				t.Errorf("%s: got %v, %v; want %v each time, else every look writes", source, got, err, want)
				break
			}
		}
	}
}

// TestObjectsAreNotChanged holds what is read for all Inventories at once.
func TestObjectsAreNotChanged(t *testing.T) {
	given := func() map[string]any {
		return map[string]any{cel.Cluster: map[string]any{
			"metadata": map[string]any{"labels": map[string]any{"b": "1", "a": "2"}},
			"list":     []any{"b", "a"},
		}}
	}
	objects := given()
	for _, source := range []string{
		"cluster.list.sort()", "cluster.list.reverse()", "cluster.list + ['c']", "cluster.metadata.labels.transformMap(k, v, v + 'x')",
		"cluster.metadata.labels",
	} {
		program, err := newCompiler(t).Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := program.Value(objects); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
	if diff := cmp.Diff(given(), objects); diff != "" {
		t.Errorf("-given +after:\n%s", diff)
	}
}
