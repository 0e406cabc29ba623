// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"fmt"

	"github.com/google/cel-go/cel"
	"k8s.io/utils/clock"
)

// Compiler compiles expressions in one shared environment. It is safe for concurrent use.
type Compiler struct {
	env       *cel.Env
	functions functions
	clock     clock.WithDelayedExecution
	programs  programs
}

// NewCompiler returns a compiler. It fails only where the libraries themselves are misconfigured.
func NewCompiler() (*Compiler, error) {
	env, err := newEnvironment()
	if err != nil {
		return nil, fmt.Errorf("making a CEL environment: %w", err)
	}
	all, err := functionsOf(env)
	if err != nil {
		return nil, fmt.Errorf("reading the functions of the CEL environment: %w", err)
	}
	return &Compiler{env: env, functions: all, clock: clock.RealClock{}}, nil
}

// WithClock returns a compiler whose programs measure their deadline on another clock.
func (c *Compiler) WithClock(clk clock.WithDelayedExecution) *Compiler {
	return &Compiler{env: c.env, functions: c.functions, clock: clk}
}

// Compile checks the syntax and the types of an expression; its error names the place of the first error in the expression. Equal
// expressions give one program, as far as it is still kept.
func (c *Compiler) Compile(source string) (*Program, error) {
	if program := c.programs.get(source); program != nil {
		return program, nil
	}
	program, err := c.compile(source)
	if err != nil {
		return nil, err
	}
	return c.programs.add(source, program), nil
}

func (c *Compiler) compile(source string) (*Program, error) {
	checked, err := c.check(source)
	if err != nil {
		return nil, err
	}
	program, err := c.env.Program(checked,
		cel.CostLimit(costLimit),
		cel.CostTracking(costs{}),
		cel.InterruptCheckFrequency(checkFrequency),
		cel.CustomDecorator(c.functions.guard),
		cel.CustomDecorator(orderLiterals),
		cel.CustomDecorator(refuseFieldsOfScalars()),
	)
	if err != nil {
		return nil, fmt.Errorf("planning: %s", bounded(err.Error()))
	}
	variables := map[string]bool{}
	for _, reference := range checked.NativeRep().ReferenceMap() {
		variables[reference.Name] = true
	}
	return &Program{program: program, variables: variables, loops: hasLoops(checked), clock: c.clock}, nil
}
