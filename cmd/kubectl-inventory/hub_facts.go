// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/diff"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
)

// pageSize is the limit of a list request.
const pageSize = 500

// wholeHub says which rights a diff requires: what it cannot see of the hub, it would report as not there.
const wholeHub = "a diff requires the right to list Inventories, Clusters, Namespaces and ClusterProfiles of the whole hub"

// pages lists all objects of a kind, page by page. empty is an empty list of the kind.
func pages[L client.ObjectList](ctx context.Context, hub client.Reader, empty L, take func(L)) error {
	options := &client.ListOptions{Limit: pageSize}
	for {
		// Decoding into the last page would overwrite what was taken of it.
		page := empty.DeepCopyObject().(L)
		if err := hub.List(ctx, page, options); err != nil {
			return err
		}
		take(page)
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return nil
		}
	}
}

// required lists all objects of a kind that a diff requires.
func required[L client.ObjectList](ctx context.Context, hub client.Reader, kind string, empty L, take func(L)) error {
	err := pages(ctx, hub, empty, take)
	switch {
	case apierrors.IsForbidden(err):
		return fmt.Errorf("listing %s: %w; %s", kind, err, wholeHub)
	case meta.IsNoMatchError(err), apierrors.IsNotFound(err):
		return fmt.Errorf("this cluster does not serve %s: is it the hub, and is the publisher installed?", kind)
	case err != nil:
		return fmt.Errorf("listing %s: %w", kind, err)
	}
	return nil
}

func readInventories(ctx context.Context, hub client.Reader) (all []v1alpha1.Inventory, err error) {
	err = required(ctx, hub, "Inventories", &v1alpha1.InventoryList{}, func(list *v1alpha1.InventoryList) {
		all = append(all, list.Items...)
	})
	return all, err
}

// readHub reads what a diff needs to know of the hub.
func readHub(ctx context.Context, hub client.Client, edit *diff.Edit) (diff.Facts, error) {
	f := diff.Facts{Namespaces: map[string]*metav1.PartialObjectMetadata{}}
	namespaces := &metav1.PartialObjectMetadataList{}
	namespaces.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	err := required(ctx, hub, "Namespaces", namespaces, func(list *metav1.PartialObjectMetadataList) {
		for _, namespace := range list.Items {
			f.Namespaces[namespace.Name] = &namespace
		}
	})
	if err != nil {
		return f, err
	}
	err = required(ctx, hub, "Clusters", &clusterv1.ClusterList{}, func(list *clusterv1.ClusterList) {
		for _, cluster := range list.Items {
			// Expressions see Clusters without them.
			cluster.ManagedFields = nil
			f.Clusters = append(f.Clusters, cluster)
		}
	})
	if err != nil {
		return f, err
	}
	err = required(ctx, hub, "ClusterProfiles", &inventoryv1alpha1.ClusterProfileList{}, func(list *inventoryv1alpha1.ClusterProfileList) {
		f.Profiles = append(f.Profiles, list.Items...)
	})
	if err != nil {
		return f, err
	}
	if edit.TrustsSpokeChecks() {
		checks, err := lookup.ReadChecks(ctx, hub, "")
		if err != nil {
			return f, err
		}
		if f.Checks = checks.Found(); !checks.Readable("") {
			f.Checks = nil
			f.Unread = append(f.Unread, "SpokeChecks: what becomes of the health that they decide is not known")
		}
	}
	return f, readReferenced(ctx, hub, edit, &f)
}

// readReferenced reads the objects that Clusters refer to, of the kinds that an expression may read.
func readReferenced(ctx context.Context, hub client.Client, edit *diff.Edit, f *diff.Facts) error {
	f.Objects, f.Hidden = map[diff.Reference]map[string]any{}, map[schema.GroupKind]string{}
	controlPlane, infrastructure := edit.Uses(cel.ControlPlane), edit.Uses(cel.Infrastructure)
	known := map[schema.GroupKind]bool{}
	for i := range f.Clusters {
		for _, used := range []struct {
			ref clusterv1.ContractVersionedObjectReference
			by  bool
		}{{f.Clusters[i].Spec.ControlPlaneRef, controlPlane}, {f.Clusters[i].Spec.InfrastructureRef, infrastructure}} {
			kind := schema.GroupKind{Group: used.ref.APIGroup, Kind: used.ref.Kind}
			if !used.by || kind.Kind == "" || known[kind] {
				continue
			}
			known[kind] = true
			if err := readKind(ctx, hub, kind, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// readKind reads all objects of a kind that Clusters refer to.
func readKind(ctx context.Context, hub client.Client, kind schema.GroupKind, f *diff.Facts) error {
	mapping, err := hub.RESTMapper().RESTMapping(kind)
	if meta.IsNoMatchError(err) {
		f.Hidden[kind] = fmt.Sprintf("the API server serves no %s, which Clusters refer to", kind)
		return nil
	}
	if err != nil {
		return fmt.Errorf("finding the resource of %s: %w", kind, err)
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(mapping.GroupVersionKind.GroupVersion().WithKind(kind.Kind + "List"))
	err = pages(ctx, hub, list, func(list *unstructured.UnstructuredList) {
		for _, object := range list.Items {
			object.SetManagedFields(nil)
			f.Objects[diff.Reference{GroupKind: kind, NamespacedName: client.ObjectKeyFromObject(&object)}] = object.Object
		}
	})
	switch resource := mapping.Resource.GroupResource(); {
	case apierrors.IsForbidden(err):
		f.Hidden[kind] = fmt.Sprintf("you may not read %s, which an expression reads", resource)
		f.Unread = append(f.Unread, fmt.Sprintf("%s: the values of expressions that read them are not known", resource))
	case err != nil:
		return fmt.Errorf("listing %s: %w", kind, err)
	}
	return nil
}
