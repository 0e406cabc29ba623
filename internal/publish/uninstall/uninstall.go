// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// lookEvery is how often the hub is asked what is left.
const pollInterval = time.Second

// Withdrawal deletes Inventories and sees them gone.
type Uninstaller struct {
	// Hub is asked without a cache.
	Hub client.Client
	// Selector chooses Inventories by their labels.
	Selector labels.Selector
	// PublisherClass chooses Inventories by their spec.publisherClass; empty those without one.
	PublisherClass string
	// Lease is the one by which the publisher leads. Where it is named, nothing is deleted before somebody holds it.
	Lease types.NamespacedName
	// Progress is told, line by line, what happens.
	Progress io.Writer
}

// Run withdraws what the chosen Inventories publish, or says what was left when the context ended.
func (w *Uninstaller) Run(ctx context.Context) error {
	chosen, err := w.inventories(ctx)
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		return w.tell("No Inventory is left: nothing is published.")
	}
	if err := w.waitForPublisher(ctx, chosen); err != nil {
		return err
	}
	for i := range chosen {
		if err := w.remove(ctx, &chosen[i]); err != nil {
			return err
		}
	}
	return w.waitForDeletion(ctx, chosen)
}

// inventories lists those that the selector chooses; none where the API is not installed.
func (w *Uninstaller) inventories(ctx context.Context) ([]v1alpha1.Inventory, error) {
	var list v1alpha1.InventoryList
	if err := w.Hub.List(ctx, &list, client.MatchingLabelsSelector{Selector: w.Selector}); meta.IsNoMatchError(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("listing Inventories: %w", err)
	}
	return slices.DeleteFunc(list.Items, func(i v1alpha1.Inventory) bool { return i.Spec.PublisherClass != w.PublisherClass }), nil
}

func (w *Uninstaller) remove(ctx context.Context, inventory *v1alpha1.Inventory) error {
	if !inventory.DeletionTimestamp.IsZero() {
		return w.tell("Inventory %s is being deleted already.", inventory.Name)
	}
	if err := w.tell("Deleting Inventory %s.", inventory.Name); err != nil {
		return err
	}
	// One that was made anew in the meantime has another UID, and is not what was chosen.
	err := w.Hub.Delete(ctx, inventory, client.Preconditions{UID: &inventory.UID})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("deleting Inventory %s: %w", inventory.Name, err)
	}
	return nil
}

// awaitEnd waits until none of the chosen Inventories is left, and tells whenever something has changed.
func (w *Uninstaller) waitForDeletion(ctx context.Context, chosen []v1alpha1.Inventory) error {
	var (
		left  []pending
		fault error
		told  = map[string]string{}
	)
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		seen, err := w.remaining(ctx, chosen)
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil:
			// An API server may be away for a moment, but a right that is missing stays so.
			fault = err
			return false, permanent(err)
		}
		left, fault = seen, nil
		return len(left) == 0, w.tellChanges(chosen, left, told)
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil:
		return err
	}
	lines := make([]string, 0, len(left))
	for _, r := range left {
		lines = append(lines, "  "+r.String())
	}
	return errors.Join(fmt.Errorf("not everything is withdrawn yet, and time is over:\n%s%s", strings.Join(lines, "\n"), advice(left)), fault)
}

// remaining asks the hub which of the chosen Inventories are left, and what is left of each.
func (w *Uninstaller) remaining(ctx context.Context, chosen []v1alpha1.Inventory) ([]pending, error) {
	inventories, err := w.inventories(ctx)
	if err != nil {
		return nil, err
	}
	inventories = slices.DeleteFunc(inventories, func(found v1alpha1.Inventory) bool {
		return !slices.ContainsFunc(chosen, func(one v1alpha1.Inventory) bool { return one.UID == found.UID })
	})
	if len(inventories) == 0 {
		return nil, nil
	}
	profiles := &metav1.PartialObjectMetadataList{}
	profiles.SetGroupVersionKind(inventoryv1alpha1.GroupVersion.WithKind("ClusterProfileList"))
	if err := w.Hub.List(ctx, profiles, client.HasLabels{v1alpha1.LabelInventory}); err != nil && !meta.IsNoMatchError(err) {
		return nil, fmt.Errorf("listing ClusterProfiles: %w", err)
	}
	return pendingObjects(inventories, profiles.Items), nil
}

// tellChanges says what is left of each chosen Inventory where that is not what was told last.
func (w *Uninstaller) tellChanges(chosen []v1alpha1.Inventory, left []pending, told map[string]string) error {
	for i := range chosen {
		name := chosen[i].Name
		line := fmt.Sprintf("Inventory %s is withdrawn.", name)
		if at := slices.IndexFunc(left, func(r pending) bool { return r.inventory == name }); at >= 0 {
			line = left[at].String()
		}
		if told[name] == line {
			continue
		}
		told[name] = line
		if err := w.tell("%s", line); err != nil {
			return err
		}
	}
	return nil
}

func (w *Uninstaller) tell(format string, args ...any) error {
	_, err := fmt.Fprintf(w.Progress, format+"\n", args...)
	return err
}

// permanent passes on an error that no waiting mends.
func permanent(err error) error {
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		return err
	}
	return nil
}
