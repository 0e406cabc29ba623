// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package diff reports what an edit of Inventories, or a new one, would publish, withdraw, rename or change.
//
// It lets the publisher's core (internal/publish/profile) decide twice, with the Inventories of the hub and with the edited ones, of
// the same facts, and reports the differences: what the edit does not cause is not reported. Which Inventory publishes a Cluster, under
// which name, what the profile says, and what stays because its replacement cannot be published, are all decisions of the core.
//
// It is pure: objects in, a Report out. It needs no Secrets: an endpoint is the one that is published, or else named after its Secret.
package diff

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// Edit is an edit of Inventories, compiled.
type Edit struct {
	// classes are those of the edited Inventories, by name: Inventories of other publisher classes do not compete with them.
	classes map[string]*class
	// kinds say how each edited Inventory is edited, by name.
	kinds map[string]Kind
	// classOf has the publisher class of every Inventory, by its name.
	classOf map[string]string
}

// class is what the Inventories of one publisher class want.
type class struct {
	name          string
	before, after side
}

// side is what Inventories want before, or after, the edit.
type side struct {
	profile.Compiled
	sources map[string]*v1alpha1.Inventory
}

// Compile compiles an edit: the Inventories of the hub, and those that are to replace the ones of their names. A new one counts as
// created now. Its error names each edited Inventory that cannot work.
func Compile(hub, edited []v1alpha1.Inventory, now time.Time) (*Edit, error) {
	compiler, err := cel.NewCompiler()
	if err != nil {
		return nil, err
	}
	e := &Edit{classes: map[string]*class{}, kinds: map[string]Kind{}, classOf: map[string]string{}}
	live := map[string]*v1alpha1.Inventory{}
	for i := range hub {
		live[hub[i].Name] = &hub[i]
		e.classOf[hub[i].Name] = hub[i].Spec.PublisherClass
	}
	after := maps.Clone(live)
	var errs []error
	for i := range edited {
		inventory, err := e.edit(&edited[i], live[edited[i].Name], now)
		if err == nil {
			_, err = profile.Compile(compiler, inventory)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("Inventory %s: %w", edited[i].Name, err))
			continue
		}
		after[inventory.Name] = inventory
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for name, class := range e.classes {
		class.name = name
		class.before, class.after = compile(compiler, name, live), compile(compiler, name, after)
	}
	return e, nil
}

// edit returns an edited Inventory with the identity that it would have on the hub.
func (e *Edit) edit(edited, live *v1alpha1.Inventory, now time.Time) (*v1alpha1.Inventory, error) {
	inventory := edited.DeepCopy()
	inventory.CreationTimestamp, inventory.DeletionTimestamp = metav1.NewTime(now), nil
	kind := New
	if live != nil {
		if !live.DeletionTimestamp.IsZero() {
			return nil, errors.New("the one on the hub is being deleted, and its profiles with it; create it again when it is gone")
		}
		inventory.CreationTimestamp, inventory.UID = live.CreationTimestamp, live.UID
		if kind = Edited; equality.Semantic.DeepEqual(live.Spec, inventory.Spec) {
			kind = Same
		}
	}
	e.kinds[inventory.Name] = kind
	e.classOf[inventory.Name] = inventory.Spec.PublisherClass
	e.classes[inventory.Spec.PublisherClass] = &class{}
	return inventory, nil
}

// compile compiles the Inventories of a class, as the publisher does: what an invalid one has published stays.
func compile(compiler *cel.Compiler, class string, inventories map[string]*v1alpha1.Inventory) side {
	s := side{Compiled: profile.Compiled{Invalid: map[string]error{}}, sources: map[string]*v1alpha1.Inventory{}}
	for name, source := range inventories {
		if source.Spec.PublisherClass != class || !source.DeletionTimestamp.IsZero() {
			continue
		}
		s.sources[name] = source
		inventory, err := profile.Compile(compiler, source)
		if err != nil {
			s.Invalid[name] = err
			continue
		}
		s.Valid = append(s.Valid, inventory)
	}
	profile.SortByAge(s.Valid)
	return s
}

// Uses reports whether an expression reads the variable.
func (e *Edit) Uses(variable string) bool {
	return e.any(func(inventory *profile.Inventory) bool { return inventory.Uses(variable) })
}

// TrustsSpokeChecks reports whether SpokeChecks count for an Inventory.
func (e *Edit) TrustsSpokeChecks() bool { return e.any((*profile.Inventory).TrustsSpokeChecks) }

func (e *Edit) any(has func(*profile.Inventory) bool) bool {
	for _, class := range e.classes {
		if slices.ContainsFunc(class.before.Valid, has) || slices.ContainsFunc(class.after.Valid, has) {
			return true
		}
	}
	return false
}

// sorted returns the classes by their names.
func (e *Edit) sorted() []*class {
	return slices.SortedFunc(maps.Values(e.classes), func(a, b *class) int { return cmp.Compare(a.name, b.name) })
}
