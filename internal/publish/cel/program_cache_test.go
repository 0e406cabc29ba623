// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
)

func TestCompileTwice(t *testing.T) {
	const source = "cluster.metadata.name"
	for name, tc := range map[string]struct {
		why   string
		again func(*cel.Compiler) (*cel.Program, error)
		same  bool
	}{
		"Equal": {
			why:   "it is the same expression",
			again: func(c *cel.Compiler) (*cel.Program, error) { return c.Compile(source) },
			same:  true,
		},
		"Another": {
			why:   "it is another expression",
			again: func(c *cel.Compiler) (*cel.Program, error) { return c.Compile(source + " ") },
		},
		"Clock": {
			why: "its deadline is on another clock",
			again: func(c *cel.Compiler) (*cel.Program, error) {
				return c.WithClock(clocktesting.NewFakeClock(time.Now())).Compile(source)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			compiler := newCompiler(t).WithClock(clock.RealClock{})
			first, err := compiler.Compile(source)
			if err != nil {
				t.Fatal(err)
			}
			again, err := tc.again(compiler)
			if err != nil {
				t.Fatal(err)
			}
			if (first == again) != tc.same {
				t.Errorf("%s: one program is %t", tc.why, first == again)
			}
		})
	}
}

// What is wrong is not kept: it is reported each time.
func TestCompileTwiceWhatIsWrong(t *testing.T) {
	compiler := newCompiler(t).WithClock(clock.RealClock{})
	for range 2 {
		if program, err := compiler.Compile("cluster."); err == nil || program != nil {
			t.Errorf("got %v, %v", program, err)
		}
	}
	if kept := compiler.Kept(); kept != 0 {
		t.Errorf("%d programs are kept", kept)
	}
}

func TestKeptProgramsAreBounded(t *testing.T) {
	compiler := newCompiler(t).WithClock(clock.RealClock{})
	for i := range cel.MaxPrograms + 1 {
		program, err := compiler.Compile(fmt.Sprintf("'%d'", i))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := program.Text(nil); err != nil || text != fmt.Sprint(i) {
			t.Fatalf("expression %d gives %q, %v", i, text, err)
		}
		if kept := compiler.Kept(); kept > cel.MaxPrograms {
			t.Fatalf("%d programs are kept", kept)
		}
	}
}

// TestOneProgramForAll compiles and evaluates one expression by several goroutines, over objects of their own.
func TestOneProgramForAll(t *testing.T) {
	compiler := newCompiler(t).WithClock(clock.RealClock{})
	const source = "cluster.labels.filter(k, k.startsWith('a')).map(k, k + '=' + cluster.labels[k]).join(',')"
	var done sync.WaitGroup
	for i := range 8 {
		done.Go(func() {
			for range 50 {
				program, err := compiler.Compile(source)
				if err != nil {
					t.Error(err)
					return
				}
				value := fmt.Sprint(i)
				object := map[string]any{"labels": map[string]any{"a": value, "b": "other"}}
				if got, err := program.Text(map[string]any{cel.Cluster: object}); err != nil || got != "a="+value {
					t.Errorf("got %q, %v; want a=%s", got, err, value)
				}
			}
		})
	}
	done.Wait()
}
