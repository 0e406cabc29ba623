// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
)

// doubled is a list of lists of lists: small in memory, and 2^depth values to visit.
func doubled(depth int) string {
	return "[1]" + strings.Repeat(".map(a, [a, a])", depth) + "[0]"
}

// TestCostsAreBounded evaluates what would take all memory, or never end. What each of them allocates is bounded too.
func TestCostsAreBounded(t *testing.T) {
	const most = 256 << 20
	for name, source := range map[string]string{
		"Replace": "'xxxxxxxxxx'" + strings.Repeat(".replace('x', 'xxxxxxxxxx')", 12) + ".size()",
		"ReplaceOnce": fmt.Sprintf("'%s'.replace('x', '%s').replace('y', '%[2]s').size()", strings.Repeat("x", 1200),
			strings.Repeat("y", 1200)),
		"ReplaceNothing":  fmt.Sprintf("'%s'.replace('', '%[1]s').replace('', '%[1]s')", strings.Repeat("x", 1000)),
		"ReplaceVariable": "cluster.metadata.name" + strings.Repeat(".replace('', cluster.metadata.name + 'xxxxxxxxxxxxxxxxxxxx')", 12),
		"Format":          "['x']" + strings.Repeat(".map(a, '%s%s%s%s%s%s%s%s%s%s'.format([a,a,a,a,a,a,a,a,a,a]))", 12),
		"FormatPrecision": "'" + strings.Repeat("%.999999f", 100) + "'.format([" + strings.Repeat("1.0,", 100) + "])",
		"FormatNested":    "'%s'.format([" + doubled(28) + "])",
		"Join":            "lists.range(5000).map(i, '').join('" + strings.Repeat("x", 1000) + "').size()",
		"Add":             "['xxxxxxxxxx']" + strings.Repeat(".map(a, a + a)", 28) + "[0].size()",
		"AddLists":        "[[1]]" + strings.Repeat(".map(a, a + a)", 28) + "[0].size()",
		"Range":           "lists.range(1000000000000).size()",
		"Distinct":        "lists.range(5000).distinct().size()",
		"Flatten":         doubled(28) + ".flatten(100).size()",
		"Sets":            "sets.contains(lists.range(5000), lists.range(5000))",
		"Equal":           "[" + doubled(28) + "].exists(a, a == a)",
		"NotEqual":        "[" + doubled(28) + "].exists(a, a != a)",
		"In":              "[" + doubled(28) + "].exists(a, a in [a, a])",
		"IndexOf":         "[" + doubled(28) + "].exists(a, [a].indexOf(a) == 0)",
		"Base64":          strings.Repeat("base64.encode(bytes(", 60) + "'xxxxxxxxxx'" + strings.Repeat("))", 60),
		"Matches":         "cluster.metadata.annotations.large.matches(cluster.metadata.annotations.large)",
		"MatchesConstant": "cluster.metadata.annotations.large.matches('" + strings.Repeat("(x+x+)+", 100) + "y')",
		"FindAll":         "cluster.metadata.annotations.large.findAll('" + strings.Repeat("(x+x+)+", 100) + "y')",
		"Loops":           "lists.range(100).map(a, lists.range(100).map(b, lists.range(100).map(c, a * b * c))).size()",
		"Swallowed":       "'xxxxxxxxxx'" + strings.Repeat(".replace('x', 'xxxxxxxxxx')", 12) + " == '' || true",
	} {
		t.Run(name, func(t *testing.T) {
			// Without a deadline: on a busy machine it would come before the limit.
			program, err := newCompiler(t).WithClock(clocktesting.NewFakeClock(time.Now())).Compile(source)
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, err := program.Value(map[string]any{cel.Cluster: map[string]any{"metadata": map[string]any{
				"name": "c1", "annotations": map[string]any{"large": strings.Repeat("x", 250<<10)},
			}}})
			runtime.ReadMemStats(&after)
			if !errors.Is(err, cel.ErrCost) || len(err.Error()) > 1024 {
				t.Errorf("got %v, %v; want a short ErrCost", got, err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > most {
				t.Errorf("it allocated %d MiB", took>>20)
			}
		})
	}
}

// TestOrdinaryCosts holds what must never meet the limit, over the largest Cluster to expect.
func TestOrdinaryCosts(t *testing.T) {
	labels, pools := map[string]any{}, []any{}
	for i := range 200 {
		labels[fmt.Sprintf("label-%d.example.com/name", i)] = strings.Repeat("v", 63)
		pools = append(pools, map[string]any{"name": fmt.Sprintf("pool-%d", i), "replicas": int64(i)})
	}
	cluster := map[string]any{
		"metadata": map[string]any{"labels": labels},
		"spec":     map[string]any{"topology": map[string]any{"workers": pools}},
	}
	for _, source := range []string{
		"cluster.metadata.labels.map(k, k + '=' + cluster.metadata.labels[k]).join(',')",
		"cluster.metadata.labels.filter(k, k.matches('^label-1[0-9]*[.]example[.]com/')).size()",
		"cluster.metadata.labels.transformList(k, v, k + v).sort().size()",
		"cluster.spec.topology.workers.map(w, w.replicas).sum()",
		"cluster.spec.topology.workers.map(w, w.name).distinct().size()",
	} {
		program, err := newCompiler(t).Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := program.Text(map[string]any{cel.Cluster: cluster}); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// elapsed is a clock on which every deadline is over at once.
type elapsed struct{ *clocktesting.FakeClock }

func (c elapsed) AfterFunc(after time.Duration, do func()) clock.Timer {
	timer := c.FakeClock.AfterFunc(after, do)
	c.Step(after)
	return timer
}

func TestDeadline(t *testing.T) {
	for name, source := range map[string]string{
		"Loop":      "lists.range(2000).map(i, i).size()",
		"Nested":    "lists.range(40).map(i, lists.range(40).map(j, i * j)).size()",
		"Swallowed": "lists.range(2000).map(i, i).size() == 1 || true",
		// Without an interruption it would end at the cost limit.
		"Endless": "lists.range(9000).map(i, lists.range(9000).map(j, i * j)).size()",
	} {
		program, err := newCompiler(t).WithClock(elapsed{clocktesting.NewFakeClock(time.Now())}).Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := program.Text(objects); !errors.Is(err, cel.ErrDeadline) {
			t.Errorf("%s: got %q, %v; want ErrDeadline: what was cut short must not be published", name, got, err)
		}
	}
	program, err := newCompiler(t).WithClock(clocktesting.NewFakeClock(time.Now())).Compile("lists.range(400).map(i, i).size()")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := program.Text(objects); err != nil || got != "400" {
		t.Errorf("got %q, %v; an evaluation in time has a value", got, err)
	}
}

func TestCompileErrorsAreBounded(t *testing.T) {
	for name, source := range map[string]string{
		"Identifier": strings.Repeat("x", 4000),
		"Many":       strings.TrimSuffix(strings.Repeat("nothing + ", 400), " + "),
		"Long":       "'" + strings.Repeat("x", 5000) + "'",
		"Garbage":    strings.Repeat("☃", 1300),
		"Deep":       strings.Repeat("(", 2000) + "1" + strings.Repeat(")", 2000),
		"OptMaps":    "optional.of(1)" + strings.Repeat(".optMap(a, a)", 200),
		"DeepType":   doubled(100),
		"DeepList":   strings.Repeat("[", 100) + "1" + strings.Repeat("]", 100),
		"DeepOption": strings.Repeat("optional.of(", 100) + "1" + strings.Repeat(")", 100),
		"OptFlat":    "optional.of(1)" + strings.Repeat(".optFlatMap(a, optional.of(a))", 100),
	} {
		_, err := newCompiler(t).Compile(source)
		if err == nil || len(err.Error()) > 640 {
			t.Errorf("%s: got %v; want a short error", name, err)
		}
	}
}

func TestEvaluationErrorsAreBounded(t *testing.T) {
	program, err := newCompiler(t).Compile("url(cluster.metadata.annotations.large).getHost()")
	if err != nil {
		t.Fatal(err)
	}
	_, err = program.Text(map[string]any{cel.Cluster: map[string]any{"metadata": map[string]any{
		"annotations": map[string]any{"large": "://" + strings.Repeat("☃", 50<<10)},
	}}})
	if err == nil || len(err.Error()) > 640 {
		t.Errorf("got an error of %d bytes; a tenant's text must not fill a status", len(err.Error()))
	}
}

func TestValuesAreBounded(t *testing.T) {
	large := map[string]any{cel.Cluster: map[string]any{
		"large":   strings.Repeat("x", 17<<10),
		"escaped": strings.Repeat("<", 4<<10),
		"text":    strings.Repeat("x", 65<<10),
	}}
	for source, want := range map[string]string{
		"cluster.large":                 "16384 bytes",
		"cluster.escaped":               "16384 bytes",
		"{'a': {'b': [cluster.large]}}": "16384 bytes",
		"{cluster.large: 1}":            "16384 bytes",
		"bytes(cluster.large)":          "16384 bytes",
		"lists.range(9000)":             "16384 bytes",
		doubled(28):                     "16384 bytes",
		"{'a': {1: 'b'}}":               "int 1",
		"{'a': {true: 'b'}}":            "bool true",
		"{'a': optional.none()}":        "optional.none()",
		"{'a': type(1)}":                "type",
	} {
		program, err := newCompiler(t).Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := program.Value(large); err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 200 {
			t.Errorf("%.60s: got %T, %v; want a short error with %q", source, got, err, want)
		}
	}
	program, err := newCompiler(t).Compile("cluster.text")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := program.Text(large); err == nil || !strings.Contains(err.Error(), "65536 bytes") {
		t.Errorf("got %v; a text may have 64 KiB", err)
	}
}
