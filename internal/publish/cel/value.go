// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	// maxValue is the length of the longest value, in bytes of its JSON: it goes onto every profile.
	maxValue = 16 << 10
	// maxText is the length of the longest text, in bytes: a bundle of certificates, say.
	maxText = 64 << 10
	// mostEscaped is how many bytes of JSON one byte of a string can become.
	mostEscaped = 6
)

var (
	errTooLarge = fmt.Errorf("its value has more than %d bytes of JSON", maxValue)
	// jsonType is what cel-go converts a value to on its way to JSON.
	jsonType = reflect.TypeFor[*structpb.Value]()
	textType = reflect.TypeFor[string]()
)

// textOf writes a value out.
func textOf(value ref.Val) (string, error) {
	var out string
	switch value := value.(type) {
	case types.String:
		out = string(value)
	case traits.Lister, traits.Mapper:
		return "", fmt.Errorf("its value is a %s; a string, a number or a bool is needed", kindOf(value))
	default:
		plain, err := scalarOf(value)
		if err != nil {
			return "", err
		}
		switch plain := plain.(type) {
		case string:
			out = plain
		case bool:
			return strconv.FormatBool(plain), nil
		case float64:
			return strconv.FormatFloat(plain, 'f', -1, 64), nil
		}
	}
	switch {
	case out == "":
		return "", ErrAbsent
	case len(out) > maxText:
		return "", fmt.Errorf("its value has more than %d bytes", maxText)
	}
	return out, nil
}

// valueOf makes a value that JSON can carry.
func valueOf(value ref.Val) (any, error) {
	into := conversion{}
	out, err := into.convert(value)
	if err != nil {
		return nil, err
	}
	if into.size*mostEscaped <= maxValue {
		return out, nil
	}
	switch raw, err := json.Marshal(out); {
	case err != nil:
		return nil, fmt.Errorf("encoding: %s", bounded(err.Error()))
	case len(raw) > maxValue:
		return nil, errTooLarge
	}
	return out, nil
}

// conversion counts the least number of bytes that the JSON of a value has, and stops where these are too many.
type conversion struct{ size int }

func (c *conversion) convert(value ref.Val) (any, error) {
	if c.size += 2; c.size > maxValue {
		return nil, errTooLarge
	}
	switch value := value.(type) {
	case types.String:
		return c.text(string(value))
	case types.Bytes:
		c.size += len(value)
	case *types.Optional:
		if !value.HasValue() {
			return nil, errors.New("a list or map holds optional.none(); [?value] and {?'key': value} leave it out")
		}
		return c.convert(value.GetValue())
	case traits.Mapper:
		return c.fields(value)
	case traits.Lister:
		return c.elements(value)
	}
	if c.size > maxValue {
		return nil, errTooLarge
	}
	return scalarOf(value)
}

func (c *conversion) text(text string) (any, error) {
	if c.size += len(text); c.size > maxValue {
		return nil, errTooLarge
	}
	return text, nil
}

func (c *conversion) elements(list traits.Lister) (any, error) {
	out := []any{}
	for it := list.Iterator(); it.HasNext() == types.True; {
		element, err := c.convert(it.Next())
		if err != nil {
			return nil, err
		}
		out = append(out, element)
	}
	return out, nil
}

func (c *conversion) fields(from traits.Mapper) (any, error) {
	out := map[string]any{}
	for it := from.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, fmt.Errorf("the keys of a map must be strings, and one is the %s", describe(key))
		}
		if _, err := c.text(string(name)); err != nil {
			return nil, err
		}
		field, err := c.convert(from.Get(key))
		if err != nil {
			return nil, err
		}
		out[string(name)] = field
	}
	return out, nil
}

// scalarOf is a string, number, bool or nil. What JSON has no word for, such as a duration or a quantity, is written out.
func scalarOf(value ref.Val) (any, error) {
	if plain, err := value.ConvertToNative(jsonType); err == nil {
		return plain.(*structpb.Value).AsInterface(), nil
	}
	if text, err := value.ConvertToNative(textType); err == nil {
		return text, nil
	}
	return nil, fmt.Errorf("a %s is not a value of JSON", kindOf(value))
}

// describe is the kind of a value, and the value where it is short.
func describe(value ref.Val) string {
	if isScalar(value) {
		return fmt.Sprintf("%s %v", kindOf(value), value.Value())
	}
	return kindOf(value)
}

func kindOf(value ref.Val) string { return value.Type().TypeName() }
