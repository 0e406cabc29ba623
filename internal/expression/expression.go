// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package expression compiles and evaluates the CEL expressions of an Inventory.
//
// An expression sees three variables, cluster, controlPlane and infrastructure: the objects as the API server gives them.
// It can change nothing and read nothing else. What it may spend is limited, so that no Inventory can hold up the others.
// It is compiled once for each generation of its Inventory.
package expression

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"
	"google.golang.org/protobuf/types/known/structpb"
)

// The variables of an expression.
const (
	Cluster        = "cluster"
	ControlPlane   = "controlPlane"
	Infrastructure = "infrastructure"
)

// costLimit bounds one evaluation, in the units of cel-go: about the work of visiting so many values. An expression over a
// Cluster of ordinary size spends some hundreds.
const costLimit = 100_000

// jsonType is what cel-go converts a value to on its way to JSON.
var jsonType = reflect.TypeFor[*structpb.Value]()

// ErrAbsent says that an expression has no value for the objects it was given: a field it reads is not there, or its value
// is null or empty. It is the ordinary case of a Cluster that lacks, say, a label.
var ErrAbsent = errors.New("has no value for this Cluster")

// Program is a compiled expression. It is safe for concurrent use.
type Program struct {
	program   cel.Program
	variables map[string]bool
}

// Compiler compiles expressions in one shared environment.
type Compiler struct{ env *cel.Env }

// NewCompiler returns a compiler. It fails only where cel-go itself is misconfigured.
func NewCompiler() (*Compiler, error) {
	env, err := cel.NewEnv(
		cel.Variable(Cluster, cel.DynType),
		cel.Variable(ControlPlane, cel.DynType),
		cel.Variable(Infrastructure, cel.DynType),
		cel.OptionalTypes(),
		ext.Strings(),
		ext.Encoders(),
	)
	if err != nil {
		return nil, fmt.Errorf("making a CEL environment: %w", err)
	}
	return &Compiler{env: env}, nil
}

// Compile checks the syntax and the types of an expression; its error says where in the expression the fault is.
func (c *Compiler) Compile(source string) (*Program, error) {
	ast, issues := c.env.Compile(source)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		return nil, fmt.Errorf("line %d, column %d: %s", first.Location.Line(), first.Location.Column()+1, first.Message)
	}
	program, err := c.env.Program(ast, cel.CostLimit(costLimit))
	if err != nil {
		return nil, fmt.Errorf("planning: %w", err)
	}
	variables := map[string]bool{}
	for _, reference := range ast.NativeRep().ReferenceMap() {
		variables[reference.Name] = true
	}
	return &Program{program: program, variables: variables}, nil
}

// Uses reports whether the expression reads the named variable.
func (p *Program) Uses(variable string) bool { return p != nil && p.variables[variable] }

// Value evaluates the expression over the variables to a value that JSON can carry: a string, number, bool, list or map. A
// variable that is not given counts as an empty object.
func (p *Program) Value(variables map[string]any) (any, error) {
	activation := map[string]any{Cluster: map[string]any{}, ControlPlane: map[string]any{}, Infrastructure: map[string]any{}}
	for name, value := range variables {
		if value != nil {
			activation[name] = value
		}
	}
	out, _, err := p.program.Eval(activation)
	if err != nil {
		// cel-go tells an absent key from a fault by its words alone.
		if strings.HasPrefix(err.Error(), "no such key") || strings.HasPrefix(err.Error(), "index out of bounds") {
			return nil, ErrAbsent
		}
		return nil, fmt.Errorf("evaluating: %w", err)
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
	value, err := out.ConvertToNative(jsonType)
	if err != nil {
		return nil, fmt.Errorf("a %s is not a value of JSON", out.Type())
	}
	return value.(*structpb.Value).AsInterface(), nil
}

// Text evaluates the expression to a non-empty string; numbers and bools are written out.
func (p *Program) Text(variables map[string]any) (string, error) {
	value, err := p.Value(variables)
	if err != nil {
		return "", err
	}
	switch value := value.(type) {
	case string:
		if value == "" {
			return "", ErrAbsent
		}
		return value, nil
	case bool:
		return strconv.FormatBool(value), nil
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64), nil
	default:
		return "", fmt.Errorf("its value is a %s; a string, a number or a bool is needed", reflect.TypeOf(value).Kind())
	}
}
