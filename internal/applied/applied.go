// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package applied tells whether a server-side apply would change anything, from the live object alone.
//
// The API server keeps, in managedFields, which fields each manager has applied. What a manager owns of the live object is
// therefore what it last applied, as far as nobody has changed it since: where that equals what it is about to apply, the
// apply can be left out. The judgement needs no memory, so it survives restarts, and it notices both a field that somebody
// else has changed and one that is no longer wanted.
//
// Three things are walked side by side: the fields that are owned, the live object and the wanted one. That needs no schema,
// because the owned fields say which lists are merged, and by which keys. What cannot be judged so, counts as a change: a
// needless apply changes nothing, and a missing one would.
package applied

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Object is a live object of a known type.
type Object interface {
	runtime.Object
	GetManagedFields() []metav1.ManagedFieldsEntry
}

// Unchanged reports whether manager, by applying want to the subresource ("" for the object itself), would change nothing
// of live.
func Unchanged(live Object, want any, manager, subresource string) (bool, error) {
	owned, err := fieldsOf(live, manager, subresource)
	if owned == nil || err != nil {
		return false, err
	}
	wanted, err := content(want)
	if err != nil {
		return false, err
	}
	have, err := runtime.DefaultUnstructuredConverter.ToUnstructured(live)
	if err != nil {
		return false, fmt.Errorf("reading the live object: %w", err)
	}
	return same(owned, have, wanted), nil
}

// fields are the owned ones below a field or an item, as managedFields spell them: "f:" and a field's name, "k:" and an
// item's keys in JSON, and "." for the thing itself. One without any below it is owned whole.
type fields = map[string]any

// fieldsOf is what a manager has applied; nil for nothing.
func fieldsOf(live Object, manager, subresource string) (fields, error) {
	for _, entry := range live.GetManagedFields() {
		if entry.Manager != manager || entry.Subresource != subresource || entry.Operation != metav1.ManagedFieldsOperationApply || entry.FieldsV1 == nil {
			continue
		}
		var owned fields
		if err := json.Unmarshal([]byte(entry.FieldsV1.GetRawString()), &owned); err != nil {
			return nil, fmt.Errorf("reading what %s applied: %w", manager, err)
		}
		return owned, nil
	}
	return nil, nil
}

// content is an apply configuration as JSON has it, without what only addresses the object.
func content(want any) (map[string]any, error) {
	raw, err := json.Marshal(want)
	if err != nil {
		return nil, fmt.Errorf("encoding an apply configuration: %w", err)
	}
	wanted := map[string]any{}
	if err := utiljson.Unmarshal(raw, &wanted); err != nil {
		return nil, fmt.Errorf("decoding an apply configuration: %w", err)
	}
	delete(wanted, "apiVersion")
	delete(wanted, "kind")
	if metadata, ok := wanted["metadata"].(map[string]any); ok {
		delete(metadata, "name")
		delete(metadata, "namespace")
		delete(metadata, "uid")
		if len(metadata) == 0 {
			delete(wanted, "metadata")
		}
	}
	return wanted, nil
}

// same reports whether everything that is owned is wanted, everything wanted is owned, and its live value is the wanted one.
func same(owned fields, live, want any) bool {
	below := len(owned)
	if _, itself := owned["."]; itself {
		below--
	}
	switch {
	case below == 0:
		return reflect.DeepEqual(live, want)
	case isA[map[string]any](live, want):
		return sameFields(owned, live.(map[string]any), want.(map[string]any), below)
	case isA[[]any](live, want):
		return sameItems(owned, live.([]any), want.([]any), below)
	}
	return false
}

func sameFields(owned fields, live, want map[string]any, below int) bool {
	if len(want) != below {
		return false
	}
	for name, value := range want {
		of, isOwned := owned["f:"+name].(fields)
		there, exists := live[name]
		if !isOwned || !exists || !same(of, there, value) {
			return false
		}
	}
	return true
}

// sameItems compares the items of a list that is merged by keys. The live list may have others' items between ours, but ours
// in the wanted order.
func sameItems(owned fields, live, want []any, below int) bool {
	if len(want) != below {
		return false
	}
	for _, item := range want {
		keys, of := itemOf(owned, item)
		for len(live) > 0 && !has(live[0], keys) {
			live = live[1:]
		}
		if of == nil || len(live) == 0 || !same(of, live[0], item) {
			return false
		}
	}
	return true
}

// itemOf finds the keys of an owned item, and what is owned of it; nil where it is not owned.
func itemOf(owned fields, item any) (keys map[string]any, of fields) {
	for path, below := range owned {
		raw, keyed := strings.CutPrefix(path, "k:")
		if !keyed || utiljson.Unmarshal([]byte(raw), &keys) != nil || !has(item, keys) {
			keys = nil
			continue
		}
		of, _ = below.(fields)
		return keys, of
	}
	return nil, nil
}

// has reports whether an item has the values of its keys.
func has(item any, keys map[string]any) bool {
	fields, ok := item.(map[string]any)
	for name, value := range keys {
		ok = ok && reflect.DeepEqual(fields[name], value)
	}
	return ok
}

func isA[T any](values ...any) bool {
	for _, value := range values {
		if _, ok := value.(T); !ok {
			return false
		}
	}
	return true
}
