// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"context"
	"errors"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
)

const (
	// deadline ends an evaluation. The cost limit ends it in some tens of milliseconds of processor time, so this is for what
	// that was not considered, on a machine that is very busy.
	deadline = 5 * time.Second
	// checkFrequency is how many steps of loops there are between two looks whether the deadline is over.
	checkFrequency = 100
)

// activation holds the variables of one evaluation.
type activation map[string]any

// ResolveName implements interpreter.Activation.
func (a activation) ResolveName(name string) (any, bool) {
	switch name {
	case Cluster, ControlPlane, Infrastructure:
		if object := a[name]; object != nil {
			return object, true
		}
		return map[string]any{}, true
	}
	return nil, false
}

// Parent implements interpreter.Activation.
func (a activation) Parent() interpreter.Activation { return nil }

// hasLoops reports whether an expression has a macro that loops.
func hasLoops(checked *cel.Ast) bool {
	return len(ast.MatchDescendants(ast.NavigateAST(checked.NativeRep()), ast.KindMatcher(ast.ComprehensionKind))) > 0
}

// run evaluates the program until the deadline. What is not in a loop is bounded by the length of the source, and spared the timer.
func (p *Program) run(variables activation) (ref.Val, error) {
	if !p.loops {
		out, _, err := p.program.Eval(variables)
		return out, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	timer := p.clock.AfterFunc(deadline, cancel)
	defer timer.Stop()
	out, _, err := p.program.ContextEval(ctx, variables)
	if ctx.Err() != nil && !errors.As(err, new(interpreter.EvalCancelledError)) {
		// The interruption may have been swallowed, as by || true.
		return nil, ErrDeadline
	}
	return out, err
}
