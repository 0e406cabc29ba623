// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lookup

import (
	"context"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Checks are SpokeChecks, and the namespaces in which they may not be read: a spoke that no consumer has checked differs from one
// whose check may not be read.
type Checks struct {
	found  map[types.NamespacedName]*v1alpha1.SpokeCheck
	hidden map[string]bool
}

// NewChecks returns an empty Checks.
func NewChecks() *Checks {
	return &Checks{found: map[types.NamespacedName]*v1alpha1.SpokeCheck{}, hidden: map[string]bool{}}
}

// ReadChecks reads the SpokeChecks of the namespaces; an empty one means all. A hub without the SpokeCheck API has none: a consumer
// is optional.
func ReadChecks(ctx context.Context, hub client.Reader, namespaces ...string) (*Checks, error) {
	checks := NewChecks()
	for _, namespace := range namespaces {
		switch err := checks.read(ctx, hub, namespace); {
		case meta.IsNoMatchError(err), apierrors.IsNotFound(err):
			return checks, nil
		case apierrors.IsForbidden(err):
			checks.Hide(namespace)
		case err != nil:
			return nil, fmt.Errorf("listing SpokeChecks: %w", err)
		}
	}
	return checks, nil
}

func (c *Checks) read(ctx context.Context, hub client.Reader, namespace string) error {
	options := &client.ListOptions{Namespace: namespace, Limit: pageSize}
	for {
		var list v1alpha1.SpokeCheckList
		if err := hub.List(ctx, &list, options); err != nil {
			return err
		}
		for i := range list.Items {
			c.Put(&list.Items[i])
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return nil
		}
	}
}

// Put adds a check, or replaces the one of the same profile.
func (c *Checks) Put(check *v1alpha1.SpokeCheck) { c.found[client.ObjectKeyFromObject(check)] = check }

// Remove removes the check of a profile.
func (c *Checks) Remove(profile types.NamespacedName) { delete(c.found, profile) }

// Hide marks the checks of a namespace, or of all if it is empty, as unreadable, and removes them.
func (c *Checks) Hide(namespace string) {
	c.hidden[namespace] = true
	maps.DeleteFunc(c.found, func(key types.NamespacedName, _ *v1alpha1.SpokeCheck) bool {
		return namespace == "" || key.Namespace == namespace
	})
}

// Of returns the check of a profile, or nil.
func (c *Checks) Of(profile types.NamespacedName) *v1alpha1.SpokeCheck { return c.found[profile] }

// Found returns all checks, by their profiles.
func (c *Checks) Found() map[types.NamespacedName]*v1alpha1.SpokeCheck { return c.found }

// Readable reports whether the checks of a namespace may be read.
func (c *Checks) Readable(namespace string) bool { return !c.hidden[""] && !c.hidden[namespace] }

// Hidden returns the namespaces in which checks may not be read, sorted; an empty one means all.
func (c *Checks) Hidden() []string { return slices.Sorted(maps.Keys(c.hidden)) }
