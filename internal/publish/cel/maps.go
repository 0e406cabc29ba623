// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
)

// adapter makes values of CEL of Go's. It differs from cel-go's own in its maps: they are iterated in the order of their
// keys, so that equal objects give equal values. Nothing is copied or sorted before an expression iterates.
type adapter struct{}

// NativeToValue implements types.Adapter. Every map passes here before an expression can iterate over it: those of the
// objects, those that expressions make (literals by orderLiterals), and those that functions return.
func (a adapter) NativeToValue(value any) ref.Val {
	switch value := value.(type) {
	case *object, *ordered, *orderedMutable:
		return value.(ref.Val)
	case map[string]any:
		return &object{fields: value}
	case []any:
		return types.NewDynamicList(a, value)
	case map[ref.Val]ref.Val:
		return &ordered{types.NewRefValMap(a, value)}
	case traits.MutableMapper:
		return &orderedMutable{ordered: ordered{value}, mutable: value}
	case traits.Mapper:
		return &ordered{value}
	}
	return types.DefaultTypeAdapter.NativeToValue(value)
}

// object is a map of JSON.
type object struct{ fields map[string]any }

// whole is the map as cel-go has it, for what does not depend on any order.
func (o *object) whole() traits.Mapper { return types.NewStringInterfaceMap(adapter{}, o.fields) }

// Find implements traits.Mapper.
func (o *object) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return types.NewErr("the keys of an object are strings, and not of type %s", key.Type()), false
	}
	value, found := o.fields[string(name)]
	if !found {
		return nil, false
	}
	return adapter{}.NativeToValue(value), true
}

// Contains implements traits.Container.
func (o *object) Contains(key ref.Val) ref.Val {
	name, ok := key.(types.String)
	_, found := o.fields[string(name)]
	return types.Bool(ok && found)
}

// Get implements traits.Indexer.
func (o *object) Get(key ref.Val) ref.Val {
	value, found := o.Find(key)
	if !found {
		return types.ValOrErr(value, "no such key: %v", key)
	}
	return value
}

// Iterator implements traits.Iterable.
func (o *object) Iterator() traits.Iterator {
	return types.NewStringList(adapter{}, slices.Sorted(maps.Keys(o.fields))).Iterator()
}

// Fold implements traits.Foldable, for comprehensions over keys and values.
func (o *object) Fold(folder traits.Folder) {
	for _, key := range slices.Sorted(maps.Keys(o.fields)) {
		if !folder.FoldEntry(key, o.fields[key]) {
			return
		}
	}
}

// Size implements traits.Sizer.
func (o *object) Size() ref.Val { return types.Int(len(o.fields)) }

// IsZeroValue implements traits.Zeroer.
func (o *object) IsZeroValue() bool { return len(o.fields) == 0 }

// Equal implements ref.Val.
func (o *object) Equal(other ref.Val) ref.Val { return o.whole().Equal(other) }

// ConvertToNative implements ref.Val.
func (o *object) ConvertToNative(desired reflect.Type) (any, error) {
	return o.whole().ConvertToNative(desired)
}

// ConvertToType implements ref.Val.
func (o *object) ConvertToType(desired ref.Type) ref.Val {
	if desired == types.MapType {
		return o
	}
	return o.whole().ConvertToType(desired)
}

// Type implements ref.Val.
func (o *object) Type() ref.Type { return types.MapType }

// Value implements ref.Val.
func (o *object) Value() any { return o.fields }

// ordered is any other map.
type ordered struct{ traits.Mapper }

// Iterator implements traits.Iterable.
func (o *ordered) Iterator() traits.Iterator {
	return types.NewRefValList(adapter{}, o.keys()).Iterator()
}

// Fold implements traits.Foldable.
func (o *ordered) Fold(folder traits.Folder) {
	for _, key := range o.keys() {
		if !folder.FoldEntry(key, o.Get(key)) {
			return
		}
	}
}

// IsZeroValue implements traits.Zeroer.
func (o *ordered) IsZeroValue() bool { return o.Size() == types.IntZero }

func (o *ordered) keys() []ref.Val {
	var keys []ref.Val
	for it := o.Mapper.Iterator(); it.HasNext() == types.True; {
		keys = append(keys, it.Next())
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

// compareKeys orders keys by their types, and those of one type by their values.
func compareKeys(a, b ref.Val) int {
	if byType := cmp.Compare(a.Type().TypeName(), b.Type().TypeName()); byType != 0 {
		return byType
	}
	comparer, ok := a.(traits.Comparer)
	if !ok {
		return 0
	}
	order, _ := comparer.Compare(b).(types.Int)
	return int(order)
}

// orderedMutable is a map that a comprehension is making.
type orderedMutable struct {
	ordered
	mutable traits.MutableMapper
}

// Insert implements traits.MutableMapper.
func (o *orderedMutable) Insert(key, value ref.Val) ref.Val {
	if inserted := o.mutable.Insert(key, value); types.IsError(inserted) {
		return inserted
	}
	return o
}

// ToImmutableMap implements traits.MutableMapper.
func (o *orderedMutable) ToImmutableMap() traits.Mapper { return &ordered{o.mutable.ToImmutableMap()} }

// orderLiterals is an interpreter.InterpretableDecorator that passes literals of maps to the adapter: cel-go does not.
func orderLiterals(i interpreter.Interpretable) (interpreter.Interpretable, error) {
	if literal, ok := i.(interpreter.InterpretableConstructor); ok && literal.Type() == types.MapType {
		return mapLiteral{literal}, nil
	}
	return i, nil
}

type mapLiteral struct {
	interpreter.InterpretableConstructor
}

// Exec implements interpreter.InterpretableV2.
func (m mapLiteral) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return adapter{}.NativeToValue(m.InterpretableConstructor.Exec(frame))
}

// Eval implements interpreter.Interpretable.
func (m mapLiteral) Eval(vars interpreter.Activation) ref.Val {
	return adapter{}.NativeToValue(m.InterpretableConstructor.Eval(vars))
}
