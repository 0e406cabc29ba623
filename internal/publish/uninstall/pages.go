// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// pageSize is how many objects are read at once: a hub may have many thousands, and a Job little memory.
const pageSize = 250

// grants lists the AccessGrants of the class for which there may be something on a spoke: the broker's finalizer says so. There are
// none if the API is not installed.
func (w *Uninstaller) grants(ctx context.Context) ([]v1alpha1.AccessGrant, error) {
	var found []v1alpha1.AccessGrant
	newPage := func() client.ObjectList { return &v1alpha1.AccessGrantList{} }
	if err := w.eachInPages(ctx, newPage, func(object runtime.Object) error {
		of, isGrant := object.(*v1alpha1.AccessGrant)
		if isGrant && of.Spec.PublisherClass == w.PublisherClass && slices.Contains(of.Finalizers, v1alpha1.FinalizerGrant) {
			found = append(found, v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{
				Namespace: of.Namespace, Name: of.Name, Labels: of.Labels, DeletionTimestamp: of.DeletionTimestamp,
			}, Status: of.Status})
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("listing AccessGrants: %w", err)
	}
	return found, nil
}

// profiles lists what there is to know of the profiles that Inventories have published.
func (w *Uninstaller) profiles(ctx context.Context) ([]metav1.ObjectMeta, error) {
	kind, err := w.Hub.GroupVersionKindFor(&inventoryv1alpha1.ClusterProfileList{})
	if err != nil {
		return nil, fmt.Errorf("finding the version of ClusterProfile: %w", err)
	}
	newPage := func() client.ObjectList {
		page := &metav1.PartialObjectMetadataList{}
		page.SetGroupVersionKind(kind)
		return page
	}
	var found []metav1.ObjectMeta
	if err := w.eachInPages(ctx, newPage, func(object runtime.Object) error {
		if profile, isMetadata := object.(*metav1.PartialObjectMetadata); isMetadata {
			found = append(found, metav1.ObjectMeta{
				Namespace: profile.Namespace, Name: profile.Name, Labels: profile.Labels,
				DeletionTimestamp: profile.DeletionTimestamp, Finalizers: profile.Finalizers,
			})
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("listing ClusterProfiles: %w", err)
	}
	return found, nil
}

// eachInPages visits all objects of a kind that name an Inventory; none if the API is not installed.
func (w *Uninstaller) eachInPages(ctx context.Context, newPage func() client.ObjectList, visit func(runtime.Object) error) error {
	pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		page := newPage()
		err := w.Hub.List(ctx, page,
			client.HasLabels{v1alpha1.LabelInventory}, client.Limit(options.Limit), client.Continue(options.Continue))
		return page, err
	})
	pages.PageSize, pages.PageBufferSize = pageSize, 0
	if err := pages.EachListItem(ctx, metav1.ListOptions{}, visit); err != nil && !meta.IsNoMatchError(err) {
		return err
	}
	return nil
}
