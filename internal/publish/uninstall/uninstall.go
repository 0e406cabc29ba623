// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

const (
	// pollInterval is how often the hub is asked what is left.
	pollInterval = time.Second
	// pauseFactor is how long the pause after a slow answer is, as a multiple of how long that took; at most maxPause.
	pauseFactor = 4
	maxPause    = 10 * time.Second
)

// Uninstaller deletes Inventories and waits until they are gone, and until the access that they asked for is revoked.
type Uninstaller struct {
	// Hub has no cache.
	Hub client.Client
	// Selector selects Inventories by their labels.
	Selector labels.Selector
	// PublisherClass selects Inventories by their spec.publisherClass; empty selects those without one.
	PublisherClass string
	// Lease is the publisher's. If it is set, nothing is deleted before a publisher holds it.
	Lease types.NamespacedName
	// Progress gets a line for each change.
	Progress io.Writer
}

// Run withdraws the profiles of the selected Inventories. The error says what is left when the context ends.
func (w *Uninstaller) Run(ctx context.Context) error {
	selected, err := w.inventories(ctx)
	if err != nil {
		return err
	}
	// A right that is missing is noticed before anything is deleted.
	left, err := w.pending(ctx, selected)
	if err != nil {
		return err
	}
	if len(left) == 0 {
		return w.printf("There is no Inventory: nothing is published.")
	}
	if err := w.waitForPublisher(ctx, selected); err != nil {
		return err
	}
	for i := range selected {
		if err := w.delete(ctx, &selected[i]); err != nil {
			return err
		}
	}
	return w.waitForDeletion(ctx, selected)
}

// inventories lists those that are selected; none if the API is not installed.
func (w *Uninstaller) inventories(ctx context.Context) ([]v1alpha1.Inventory, error) {
	all, err := w.allInventories(ctx)
	return slices.DeleteFunc(all, func(i v1alpha1.Inventory) bool {
		return i.Spec.PublisherClass != w.PublisherClass || !w.Selector.Matches(labels.Set(i.Labels))
	}), err
}

func (w *Uninstaller) allInventories(ctx context.Context) ([]v1alpha1.Inventory, error) {
	var list v1alpha1.InventoryList
	if err := w.Hub.List(ctx, &list); err != nil && !meta.IsNoMatchError(err) {
		return nil, fmt.Errorf("listing Inventories: %w", err)
	}
	return list.Items, nil
}

func (w *Uninstaller) delete(ctx context.Context, inventory *v1alpha1.Inventory) error {
	if !inventory.DeletionTimestamp.IsZero() {
		return w.printf("Inventory %s is being deleted already.", inventory.Name)
	}
	if err := w.printf("Deleting Inventory %s.", inventory.Name); err != nil {
		return err
	}
	// One that was created again in the meantime has another UID, and was not selected.
	err := w.Hub.Delete(ctx, inventory, client.Preconditions{UID: &inventory.UID})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("deleting Inventory %s: %w", inventory.Name, err)
	}
	return nil
}

// waitForDeletion waits until none of the selected Inventories is left, and reports changes.
func (w *Uninstaller) waitForDeletion(ctx context.Context, selected []v1alpha1.Inventory) error {
	var (
		left     []pending
		lastErr  error
		reported = map[string]string{}
		next     time.Time
	)
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		asked := time.Now()
		if asked.Before(next) {
			return false, nil
		}
		current, err := w.pending(ctx, selected)
		next = time.Now().Add(min(maxPause, pauseFactor*time.Since(asked)))
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil:
			// An API server may be unavailable for a moment, but a permission that is missing stays missing.
			lastErr = err
			return false, permanent(err)
		}
		left, lastErr = current, nil
		return len(left) == 0, w.reportChanges(selected, left, reported)
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil:
		return err
	}
	return errors.Join(timeoutError(left), lastErr)
}

// pending returns which of the selected Inventories are left, and what is left of each; and of which Inventories that do not exist
// any more access is left, because nobody else waits for that.
func (w *Uninstaller) pending(ctx context.Context, selected []v1alpha1.Inventory) ([]pending, error) {
	inventories, err := w.allInventories(ctx)
	if err != nil {
		return nil, err
	}
	others := map[string]bool{}
	inventories = slices.DeleteFunc(inventories, func(found v1alpha1.Inventory) bool {
		others[found.Name] = !slices.ContainsFunc(selected, func(one v1alpha1.Inventory) bool { return one.UID == found.UID })
		return others[found.Name]
	})
	grants, err := w.grants(ctx)
	if err != nil {
		return nil, err
	}
	grants = slices.DeleteFunc(grants, func(g v1alpha1.AccessGrant) bool { return others[g.Labels[v1alpha1.LabelInventory]] })
	if len(inventories) == 0 {
		return pendingObjects(nil, nil, grants), nil
	}
	profiles, err := w.profiles(ctx)
	if err != nil {
		return nil, err
	}
	return pendingObjects(inventories, profiles, grants), nil
}

// reportChanges reports what is left of each Inventory if that has changed.
func (w *Uninstaller) reportChanges(selected []v1alpha1.Inventory, left []pending, reported map[string]string) error {
	names := slices.Collect(maps.Keys(reported))
	for i := range selected {
		names = append(names, selected[i].Name)
	}
	for _, r := range left {
		names = append(names, r.inventory)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		line := fmt.Sprintf("Inventory %s is withdrawn.", name)
		if at := slices.IndexFunc(left, func(r pending) bool { return r.inventory == name }); at >= 0 {
			line = left[at].String()
		}
		if reported[name] == line {
			continue
		}
		reported[name] = line
		if err := w.printf("%s", line); err != nil {
			return err
		}
	}
	return nil
}

func (w *Uninstaller) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(w.Progress, format+"\n", args...)
	return err
}

// permanent returns an error that waiting does not fix, and nil for any other.
func permanent(err error) error {
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		return err
	}
	return nil
}
