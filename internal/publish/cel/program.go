// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package cel compiles and evaluates the CEL expressions of an Inventory.
//
// An expression sees three variables, cluster, controlPlane and infrastructure: the objects as the API server gives them.
// It can change nothing and read nothing else. It is compiled once, however often its Inventory is edited (program_cache.go), and evaluated
// for each Cluster at each reconcile, so three properties matter:
//
//   - The functions are those of the CEL environment of Kubernetes, at a pinned version (environment.go): what is offered is
//     API, and a newer library must not change it.
//   - An evaluation is bounded in time and memory: by the cost that Kubernetes' own estimator counts (cost.go), by the price
//     of a call, known before it is made (guard.go), by a deadline (activation.go), and by the size of a value (value.go).
//   - Equal objects give equal values: maps are iterated in the order of their keys (maps.go).
package cel

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
	"k8s.io/utils/clock"
)

// The variables of an expression.
const (
	Cluster        = "cluster"
	ControlPlane   = "controlPlane"
	Infrastructure = "infrastructure"
)

var (
	// ErrAbsent says that an expression has no value for the objects it was given: a field it reads is not there, or its
	// value is null or empty. It is the ordinary case of a Cluster that lacks, say, a label.
	ErrAbsent = errors.New("has no value for this Cluster")
	// ErrDeadline says that an evaluation took too long on the clock. That depends on the machine and not on the objects, so
	// nothing may be concluded from it: what is published stays.
	ErrDeadline = fmt.Errorf("was not evaluated within %s", deadline)
	// ErrCost says that an evaluation would cost more than it may.
	ErrCost = fmt.Errorf("exceeds the cost limit of %d", costLimit)
)

// maxMessage bounds what an error quotes of an expression or of an object, in bytes.
const maxMessage = 512

// Program is a compiled expression. It is safe for concurrent use.
type Program struct {
	program   cel.Program
	variables map[string]bool
	loops     bool
	clock     clock.WithDelayedExecution
}

// Uses reports whether the expression reads the named variable.
func (p *Program) Uses(variable string) bool { return p != nil && p.variables[variable] }

// Value evaluates the expression over the variables to a value that JSON can carry: a string, number, bool, list or map. A
// variable that is not given counts as an empty object.
func (p *Program) Value(variables map[string]any) (any, error) {
	out, err := p.evaluate(variables)
	if err != nil {
		return nil, err
	}
	return valueOf(out)
}

// Text evaluates the expression to a non-empty string; numbers and bools are written out.
func (p *Program) Text(variables map[string]any) (string, error) {
	out, err := p.evaluate(variables)
	if err != nil {
		return "", err
	}
	return textOf(out)
}

// evaluate gives a value that is there: neither null nor an empty optional.
func (p *Program) evaluate(variables map[string]any) (ref.Val, error) {
	out, err := p.run(variables)
	switch {
	case errors.Is(err, ErrDeadline):
		return nil, err
	case err != nil:
		return nil, explain(err)
	}
	if optional, ok := out.(*types.Optional); ok {
		if !optional.HasValue() {
			return nil, ErrAbsent
		}
		out = optional.GetValue()
	}
	if out.Type() == types.NullType {
		return nil, ErrAbsent
	}
	return out, nil
}

// explain distinguishes an absent field from an error.
func explain(err error) error {
	var cancelled interpreter.EvalCancelledError
	if errors.As(err, &cancelled) && cancelled.Cause == interpreter.CostLimitExceeded {
		if cancelled.Message == "" {
			return ErrCost
		}
		return fmt.Errorf("%w: %s", ErrCost, bounded(cancelled.Message))
	}
	// cel-go distinguishes an absent key from an error only by the text.
	if text := err.Error(); strings.HasPrefix(text, "no such key") || strings.HasPrefix(text, "index out of bounds") {
		return ErrAbsent
	}
	return fmt.Errorf("evaluating: %s", bounded(err.Error()))
}

// bounded cuts a text that quotes an expression or an object.
func bounded(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessage], "") + "..."
}
