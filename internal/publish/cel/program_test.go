// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
)

var objects = map[string]any{
	cel.Cluster: map[string]any{
		"metadata": map[string]any{"name": "c1", "labels": map[string]any{"region": "eu-1", "empty": ""}},
		"spec":     map[string]any{"paused": false, "clusterNetwork": map[string]any{"apiServerPort": int64(6443)}},
	},
	cel.ControlPlane: map[string]any{"spec": map[string]any{"region": "eu-west-1"}},
}

func TestText(t *testing.T) {
	compiler := newCompiler(t)
	for name, tc := range map[string]struct {
		why, expression, want string
		absent                bool
		err                   string
	}{
		"Label": {why: "the commonest property", expression: "cluster.metadata.labels['region']", want: "eu-1"},
		"Concatenation": {
			why:        "a proxy's URL is built so",
			expression: "'https://proxy:9092/' + cluster.metadata.name",
			want:       "https://proxy:9092/c1",
		},
		"OtherObject": {why: "EKS keeps its region on the control plane", expression: "controlPlane.spec.region", want: "eu-west-1"},
		"Number":      {why: "a property is text", expression: "cluster.spec.clusterNetwork.apiServerPort", want: "6443"},
		"Bool":        {why: "a property is text", expression: "cluster.spec.paused", want: "false"},
		"Strings": {
			why:        "names are often taken apart",
			expression: "cluster.metadata.name.replace('c', 'k').upperAscii()",
			want:       "K1",
		},
		"Optional": {
			why:        "an optional field with a default is not an error",
			expression: "cluster.metadata.?labels['zone'].orValue('none')",
			want:       "none",
		},

		"AbsentLabel": {
			why:        "a Cluster without the label just has no such property",
			expression: "cluster.metadata.labels['zone']",
			absent:     true,
		},
		"AbsentObject": {
			why:        "a Cluster without an infrastructure object has no such property",
			expression: "infrastructure.spec.region",
			absent:     true,
		},
		"AbsentOptional": {why: "as an absent label", expression: "cluster.metadata.?annotations['zone']", absent: true},
		"Empty":          {why: "the CRD refuses empty values", expression: "cluster.metadata.labels['empty']", absent: true},
		"Null":           {why: "null is not a value", expression: "null", absent: true},

		"Object": {
			why:        "a property is text, not an object",
			expression: "cluster.metadata.labels",
			err:        "a string, a number or a bool is needed",
		},
		"Costly": {why: "no Inventory may hold up the others", err: "cost",
			expression: "[1,2,3,4,5,6,7,8,9,10].map(a, [1,2,3,4,5,6,7,8,9,10].map(b, [1,2,3,4,5,6,7,8,9,10].map(c, [1,2,3,4,5," +
				"6,7,8,9,10].map(d, [1,2,3,4,5,6,7,8,9,10].map(e, a*b*c*d*e))))).size()"},
	} {
		t.Run(name, func(t *testing.T) {
			program, err := compiler.Compile(tc.expression)
			if err != nil {
				t.Fatal(err)
			}
			got, err := program.Text(objects)
			switch {
			case tc.absent:
				if !errors.Is(err, cel.ErrAbsent) {
					t.Errorf("%s: got %q, %v; want ErrAbsent", tc.why, got, err)
				}
			case tc.err != "":
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("%s: got %q, %v; want an error with %q", tc.why, got, err, tc.err)
				}
			case err != nil || got != tc.want:
				t.Errorf("%s: got %q, %v; want %q", tc.why, got, err, tc.want)
			}
		})
	}
}

func TestValueKeepsStructure(t *testing.T) {
	program, err := newCompiler(t).Compile("{'name': cluster.metadata.name, 'ports': [cluster.spec.clusterNetwork.apiServerPort]}")
	if err != nil {
		t.Fatal(err)
	}
	got, err := program.Value(objects)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"name": "c1", "ports": []any{6443.0}}, got); diff != "" {
		t.Errorf("a plugin's parameters may be any JSON -want +got:\n%s", diff)
	}
}

func TestCompileNamesThePlace(t *testing.T) {
	for source, want := range map[string]string{
		"cluster.":           "line 1, column",
		"clutser.metadata":   "undeclared reference to 'clutser'",
		"'a' + 1":            "no matching overload",
		"file('/etc/hosts')": "undeclared reference to 'file'",
	} {
		if _, err := newCompiler(t).Compile(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Compile(%q) = %v; want an error with %q", source, err, want)
		}
	}
}

func TestUses(t *testing.T) {
	program, err := newCompiler(t).Compile("controlPlane.spec.region")
	if err != nil {
		t.Fatal(err)
	}
	if !program.Uses(cel.ControlPlane) || program.Uses(cel.Infrastructure) {
		t.Error("only what expressions read is watched; this one reads the control plane and no infrastructure")
	}
}

// FuzzCompile feeds the compiler what an administrator might mistype: whatever compiles must evaluate without a panic.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{"cluster.metadata.name", "cluster.spec.?x.orValue(1)", "'a'.replace('a', 'b')", "[1, 2].map(x, x * 2)",
		"cluster.", "1/0",
		"cluster.metadata.labels.transformMap(k, v, v + k).map(k, k).join(',')", "'%s %.3f'.format([cluster, 1.5])",
		"lists.range(99).map(a, [a, a]).flatten()",
		"url('https://a/?b=c').getQuery()", "quantity('1Gi').add(quantity('2'))", "semver('1.2.3').major()", "ip('10.0.0.1').family()",
		"[2, 1].sort() == [1, 2]",
		"cluster.?metadata.?name.optMap(n, n.find('[0-9]+')).orValue('')", "base64.encode(b'a').matches('a+')",
		"{1: {'a': dyn(1)}, 2: 'b'}", "format.named('uuid').value().validate('')"} {
		f.Add(seed)
	}
	compiler, err := cel.NewCompiler()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(_ *testing.T, source string) {
		if len(source) > 512 {
			return
		}
		program, err := compiler.Compile(source)
		if err != nil {
			return
		}
		_, _ = program.Value(objects)
	})
}

// shared is one compiler for all tests: to make one takes longer than most of them.
var shared = sync.OnceValues(cel.NewCompiler)

func newCompiler(t *testing.T) *cel.Compiler {
	t.Helper()
	compiler, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return compiler
}
