// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package ssa reports, from a live object alone, what a field manager has applied to it, and whether another server-side apply
// would change anything.
//
// The API server keeps, in managedFields, which fields each manager has applied. What a manager owns of the live object is
// therefore what it last applied, as far as no other writer has changed it since: where that equals what it is about to apply, the
// apply can be skipped. The comparison keeps no state, so it survives restarts, and it detects both a field that another writer
// has changed and one that is no longer wanted.
//
// Three things are walked side by side: the fields that are owned, the live object and the wanted one. That needs no schema,
// because the owned fields say which lists are merged, and by which keys. What cannot be compared counts as a change: a
// needless apply changes nothing, and a missing one would leave the object wrong.
package ssa

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
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

// State is a live object and what one manager owns of it. It is not safe for concurrent use.
type State struct {
	object Object
	// owned holds the fields that the manager has applied, by subresource; "" is the object itself.
	owned map[string]fields
	// content is the object as JSON has it; nil until it is first compared.
	content map[string]any
}

// Of reads what a manager has applied to a live object. Its error says which entry of managedFields cannot be decoded.
func Of(live Object, manager string) (*State, error) {
	s := &State{object: live, owned: map[string]fields{}}
	for _, entry := range live.GetManagedFields() {
		if entry.Manager != manager || entry.Operation != metav1.ManagedFieldsOperationApply || entry.FieldsV1 == nil {
			continue
		}
		owned, err := decode(entry.FieldsV1.GetRawString())
		if err != nil {
			return nil, fmt.Errorf("reading what %s applied: %w", manager, err)
		}
		s.owned[entry.Subresource] = owned
	}
	return s, nil
}

// Applied reports whether the manager has applied the object itself, and still owns something of it.
func (s *State) Applied() bool { return s != nil && s.owned[""] != nil }

// Owns reports whether the manager owns a field: it has applied it, and no other writer has changed its value since. The elements of
// a path are names of fields, and Items of lists.
func (s *State) Owns(subresource string, path ...string) bool {
	return s != nil && owns(s.owned[subresource], path)
}

func owns(at fields, path []string) bool {
	if at == nil {
		return false
	}
	for _, element := range path {
		if !strings.HasPrefix(element, "k:") {
			element = "f:" + element
		}
		below, found := at[element].(fields)
		if !found {
			return false
		}
		if at = below; len(at) == 0 {
			// Owned whole.
			return true
		}
	}
	return true
}

// Item is the element of a path that stands for an item of a list, by its key.
func Item(key, value string) string { return "k:" + keyOf(map[string]any{key: value}) }

// Unchanged reports whether the manager, by applying want to the subresource ("" for the object itself), would change
// nothing.
func (s *State) Unchanged(want any, subresource string) (bool, error) {
	owned := s.owned[subresource]
	if owned == nil {
		return false, nil
	}
	wanted, err := content(want)
	if err != nil {
		return false, err
	}
	if s.content == nil {
		if s.content, err = runtime.DefaultUnstructuredConverter.ToUnstructured(s.object); err != nil {
			return false, fmt.Errorf("reading the live object: %w", err)
		}
	}
	return same(owned, s.content, wanted), nil
}

// fields are the owned ones below a field or an item, as managedFields spell them: "f:" and a field's name, "k:" and an
// item's keys in JSON, and "." for the thing itself. One without any below it is owned whole.
type fields = map[string]any

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
		delete(metadata, "resourceVersion")
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

// sameItems compares the items of a list that is merged by keys. The live list may have items of others between our own, but our own
// in the wanted order.
func sameItems(owned fields, live, want []any, below int) bool {
	if len(want) != below {
		return false
	}
	items, names := itemsOf(owned)
	for _, item := range want {
		keys := pick(item, names)
		for len(live) > 0 && !has(live[0], keys) {
			live = live[1:]
		}
		of, isOwned := items[keyOf(keys)]
		if !isOwned || len(live) == 0 || !same(of, live[0], item) {
			return false
		}
	}
	return true
}

// itemsOf decodes the owned items of a list, each once: what is owned of each by its keys, and the names of the keys.
func itemsOf(owned fields) (items map[string]fields, names []string) {
	items = make(map[string]fields, len(owned))
	for path, below := range owned {
		var keys map[string]any
		raw, keyed := strings.CutPrefix(path, "k:")
		if !keyed || utiljson.Unmarshal([]byte(raw), &keys) != nil {
			continue
		}
		of, _ := below.(fields)
		items[keyOf(keys)] = of
		names = slices.Collect(maps.Keys(keys))
	}
	return items, names
}

// keyOf spells the keys of an item in one way.
func keyOf(keys map[string]any) string {
	raw, err := json.Marshal(keys)
	if err != nil {
		// Keys are scalars out of JSON.
		return ""
	}
	return string(raw)
}

// pick returns the values that an item has for the names of keys.
func pick(item any, names []string) map[string]any {
	from, _ := item.(map[string]any)
	keys := make(map[string]any, len(names))
	for _, name := range names {
		keys[name] = from[name]
	}
	return keys
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
