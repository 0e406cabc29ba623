// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"fmt"
	"slices"

	"github.com/google/cel-go/cel"
	celfunctions "github.com/google/cel-go/common/functions"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/overloads"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
)

// The cost of a call is counted when its result is there, and that can be too late: a replace of 2,000 characters by 2,000
// others makes 4 MB, the next one 8 GB. So what a call is going to cost is asked before it is made.

// unguarded are the functions whose work does not depend on the size of their arguments, or that make one pass over one
// string, which Kubernetes counts.
var unguarded = set(
	operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo, operators.Negate,
	operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
	operators.LogicalNot, operators.NotStrictlyFalse,
	overloads.Size, overloads.TypeConvertBool, overloads.TypeConvertBytes, overloads.TypeConvertDouble, overloads.TypeConvertDuration,
	overloads.TypeConvertDyn, overloads.TypeConvertInt, overloads.TypeConvertString, overloads.TypeConvertTimestamp,
	overloads.TypeConvertType, overloads.TypeConvertUint,
	overloads.StartsWith, overloads.EndsWith,
	"cel.@mapInsert", "hasValue", "value", "or", "orValue", "optional.of", "optional.none", "optional.ofNonZeroValue",
)

func set(names ...string) map[string]bool {
	all := make(map[string]bool, len(names))
	for _, name := range names {
		all[name] = true
	}
	return all
}

// functions are the implementations of an environment's functions, by their names and the ids of their overloads.
type functions map[string]*celfunctions.Overload

func functionsOf(env *cel.Env) (functions, error) {
	all := functions{}
	for _, declaration := range env.Functions() {
		bindings, err := declaration.Bindings()
		if err != nil {
			return nil, err
		}
		for _, binding := range bindings {
			all[binding.Operator] = binding
		}
	}
	return all, nil
}

// guard is an interpreter.InterpretableDecorator that has calls ask for their price first.
func (f functions) guard(i interpreter.Interpretable) (interpreter.Interpretable, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok || len(call.Args()) == 0 {
		return i, nil
	}
	check := affordable
	if addsLists(call) {
		check = shortEnough
	} else if unguarded[call.Function()] || comparesWithScalar(call) {
		return i, nil
	}
	implementation := f.implementation(call)
	if implementation == nil {
		return i, nil
	}
	return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), guardedArgs(call), func(args ...ref.Val) ref.Val {
		check(call.Function(), args)
		return adapter{}.NativeToValue(implementation(args...))
	}), nil
}

// addsLists reports whether a call may make one list of two. What is added as a literal, as in the loops that macros make, is
// as short as the source.
func addsLists(call interpreter.InterpretableCall) bool {
	if call.Function() != operators.Add || call.OverloadID() != overloads.AddList && call.OverloadID() != "" {
		return false
	}
	switch call.Args()[1].(type) {
	case interpreter.InterpretableConstructor, interpreter.InterpretableConst:
		return false
	}
	return true
}

// comparesWithScalar reports whether a call compares a value with a literal string or number, which is done at one look.
func comparesWithScalar(call interpreter.InterpretableCall) bool {
	if call.Function() != operators.Equals && call.Function() != operators.NotEquals {
		return false
	}
	return slices.ContainsFunc(call.Args(), func(arg interpreter.InterpretableV2) bool {
		literal, ok := arg.(interpreter.InterpretableConst)
		return ok && isScalar(literal.Value())
	})
}

// implementation is what cel-go would call; nil where it calls a method of the first argument.
func (f functions) implementation(call interpreter.InterpretableCall) celfunctions.FunctionOp {
	switch call.Function() {
	case operators.Equals:
		return func(args ...ref.Val) ref.Val { return types.Equal(args[0], args[1]) }
	case operators.NotEquals:
		return func(args ...ref.Val) ref.Val { return types.Bool(types.Equal(args[0], args[1]) != types.True) }
	}
	overload := f[call.OverloadID()]
	if overload == nil {
		overload = f[call.Function()]
	}
	if overload == nil || overload.NonStrict {
		return nil
	}
	return func(args ...ref.Val) ref.Val {
		if overload.OperandTrait != 0 && !args[0].Type().HasTrait(overload.OperandTrait) {
			return types.NewErr("no such overload: %s of a %s", call.Function(), args[0].Type())
		}
		switch {
		case len(args) == 1 && overload.Unary != nil:
			return overload.Unary(args[0])
		case len(args) == 2 && overload.Binary != nil:
			return overload.Binary(args[0], args[1])
		case overload.Function != nil:
			return overload.Function(args...)
		}
		return types.NewErr("no such overload: %s", call.Function())
	}
}

// guardedArgs are the arguments of a call. cel-go replaces calls with a constant regular expression by others, which ask for
// no price, so there the text itself asks.
func guardedArgs(call interpreter.InterpretableCall) []interpreter.InterpretableV2 {
	args := call.Args()
	if len(args) < 2 || !matching[call.Function()] {
		return args
	}
	pattern, ok := args[1].(interpreter.InterpretableConst)
	if !ok {
		return args
	}
	guarded := slices.Clone(args)
	guarded[0] = &text{InterpretableV2: args[0], function: call.Function(), pattern: pattern.Value()}
	return guarded
}

// text is a text that a constant regular expression is matched with.
type text struct {
	interpreter.InterpretableV2
	function string
	pattern  ref.Val
}

// Exec implements interpreter.InterpretableV2.
func (t *text) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return t.affordable(t.InterpretableV2.Exec(frame))
}

// Eval implements interpreter.Interpretable.
func (t *text) Eval(vars interpreter.Activation) ref.Val {
	return t.affordable(t.InterpretableV2.Eval(vars))
}

func (t *text) affordable(value ref.Val) ref.Val {
	affordable(t.function, []ref.Val{value, t.pattern})
	return value
}

// affordable cancels the evaluation before a call whose price alone exceeds the limit.
func affordable(function string, args []ref.Val) {
	if priceOf(function, args) > costLimit {
		cancel("%s of values that are too large", function)
	}
}

// shortEnough cancels the evaluation before two lists become one that is too long. The list of both is made without
// looking at their elements, and so has no price.
func shortEnough(_ string, args []ref.Val) {
	total := 0
	for _, arg := range args {
		if list, ok := arg.(traits.Lister); ok {
			total += lengthOf(list)
		}
	}
	if total > costLimit {
		cancel("a list of %d elements", total)
	}
}

// cancel ends the evaluation as cel-go does at its limit: no || or ternary can go on after it.
func cancel(format string, args ...any) {
	panic(interpreter.EvalCancelledError{Cause: interpreter.CostLimitExceeded, Message: fmt.Sprintf(format, args...)})
}
