// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"fmt"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
)

// refuseFieldsOfScalars makes a decorator for one program under which a field of, say, a string is an error. cel-go says the
// same of it as of a field that is not there, and a typo would be silent.
func refuseFieldsOfScalars() interpreter.InterpretableDecorator {
	// An attribute comes again with each of its fields, within what other decorators have made of it.
	known := map[interpreter.Attribute]bool{}
	return func(i interpreter.Interpretable) (interpreter.Interpretable, error) {
		attribute, ok := i.(interpreter.InterpretableAttribute)
		if !ok || known[attribute.Attr()] {
			return i, nil
		}
		known[attribute.Attr()] = true
		return &strictAttribute{attribute}, nil
	}
}

type strictAttribute struct {
	interpreter.InterpretableAttribute
}

// AddQualifier implements interpreter.InterpretableAttribute.
func (a *strictAttribute) AddQualifier(qualifier interpreter.Qualifier) (interpreter.Attribute, error) {
	return a.InterpretableAttribute.AddQualifier(&strictQualifier{qualifier})
}

type strictQualifier struct{ interpreter.Qualifier }

// Qualify implements interpreter.Qualifier. A test whether there is a field does not come to the error: there is none.
func (q *strictQualifier) Qualify(vars interpreter.Activation, of any) (any, error) {
	value, err := q.Qualifier.Qualify(vars, of)
	if err == nil {
		return value, nil
	}
	if scalar := (adapter{}).NativeToValue(of); isScalar(scalar) {
		return nil, fmt.Errorf("a %s has no fields and no elements: %s", scalar.Type(), bounded(err.Error()))
	}
	return nil, err
}

func isScalar(value ref.Val) bool {
	switch value.(type) {
	case types.String, types.Bool, types.Int, types.Uint, types.Double, types.Bytes, types.Duration, types.Timestamp:
		return true
	}
	return false
}
