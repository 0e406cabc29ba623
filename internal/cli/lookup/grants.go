// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lookup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// ErrNoGrantAPI is the error of a hub that does not serve AccessGrants.
var ErrNoGrantAPI = errors.New(`this cluster does not serve AccessGrants (capi-inventory.dev/v1alpha1).
If it is the right cluster, install or upgrade the publisher of
  ` + project)

// Grants returns the AccessGrants of a namespace, or of all if it is empty, sorted by namespace and name.
func Grants(ctx context.Context, hub client.Reader, namespace string, selector labels.Selector) ([]v1alpha1.AccessGrant, error) {
	grants, err := listGrants(ctx, hub, namespace, selector)
	switch {
	case meta.IsNoMatchError(err), apierrors.IsNotFound(err):
		return nil, ErrNoGrantAPI
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("listing AccessGrants: %w; select a namespace that you may read with -n", err)
	case err != nil:
		return nil, fmt.Errorf("listing AccessGrants: %w", err)
	}
	return grants, nil
}

// listGrants lists page by page.
func listGrants(ctx context.Context, hub client.Reader, namespace string, selector labels.Selector) ([]v1alpha1.AccessGrant, error) {
	options := &client.ListOptions{Namespace: namespace, LabelSelector: selector, Limit: pageSize}
	var grants []v1alpha1.AccessGrant
	for {
		var list v1alpha1.AccessGrantList
		if err := hub.List(ctx, &list, options); err != nil {
			return nil, err
		}
		grants = append(grants, list.Items...)
		if options.Continue = list.Continue; options.Continue == "" {
			break
		}
	}
	slices.SortFunc(grants, func(a, b v1alpha1.AccessGrant) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return grants, nil
}

// ReadGrants reads the AccessGrants of the namespaces, as far as they may be read; hidden are the namespaces where they may not. A hub
// without the AccessGrant API has none: access by ServiceAccounts is optional.
func ReadGrants(
	ctx context.Context, hub client.Reader, namespaces ...string,
) (found map[types.NamespacedName]*v1alpha1.AccessGrant, hidden sets.Set[string], err error) {
	found, hidden = map[types.NamespacedName]*v1alpha1.AccessGrant{}, sets.New[string]()
	for _, namespace := range namespaces {
		grants, err := listGrants(ctx, hub, namespace, nil)
		switch {
		case meta.IsNoMatchError(err), apierrors.IsNotFound(err):
			return found, hidden, nil
		case apierrors.IsForbidden(err):
			hidden.Insert(namespace)
		case err != nil:
			return nil, nil, fmt.Errorf("listing AccessGrants: %w", err)
		}
		for i := range grants {
			found[client.ObjectKeyFromObject(&grants[i])] = &grants[i]
		}
	}
	return found, hidden, nil
}

// GrantsHint returns why there are no AccessGrants in a namespace, or on the whole hub if it is empty, with the labels.
func GrantsHint(ctx context.Context, hub client.Reader, namespace string, selector labels.Selector) string {
	none := "No AccessGrants" + in(namespace)
	everywhere, err := listGrants(ctx, hub, "", nil)
	switch {
	case err == nil && len(everywhere) > 0 && selector != nil && !selector.Empty():
		return fmt.Sprintf("No AccessGrant%s has the labels %q.", in(namespace), selector)
	case err == nil && len(everywhere) > 0:
		var names []string
		for i := range everywhere {
			names = append(names, everywhere[i].Namespace)
		}
		return fmt.Sprintf("%s; -A shows those of %s.", none, strings.Join(firstNames(names), ", "))
	}
	var inventories v1alpha1.InventoryList
	if hub.List(ctx, &inventories) != nil {
		return none + "."
	}
	for i := range inventories.Items {
		for _, provider := range inventories.Items[i].Spec.AccessProviders {
			if provider.ServiceAccount != nil {
				return fmt.Sprintf("%s. The Inventory %s asks for access; its status.problems may say why there is none.",
					none, inventories.Items[i].Name)
			}
		}
	}
	return none + ". No Inventory has an access provider with a serviceAccount."
}
