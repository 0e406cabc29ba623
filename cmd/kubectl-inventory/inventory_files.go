// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/admission"
)

// inventoryFiles are Inventories in files.
type inventoryFiles struct{ manifestFiles }

func (f *inventoryFiles) add(cmd *cobra.Command) {
	f.manifestFiles.add(cmd, "Files with Inventories, of any number of documents; - for the standard input.")
}

// manifest is an Inventory in a file.
type manifest struct {
	// where is the file, and the number of the document in it.
	where  string
	object *unstructured.Unstructured
}

// manifests returns the Inventories in the files. Each document of another kind is an error.
func (f *inventoryFiles) manifests(ctx context.Context, in io.Reader) ([]manifest, error) {
	if !f.given() {
		return nil, errors.New("--filename: is required: the files with the Inventories, or - for the standard input")
	}
	documents, err := f.documents(ctx, in)
	var all []manifest
	var errs []error
	numbers := map[string]int{}
	for _, document := range documents {
		numbers[document.Source]++
		m := manifest{
			where:  fmt.Sprintf("%s: document %d", document.Source, numbers[document.Source]),
			object: document.Object.(*unstructured.Unstructured),
		}
		if err := m.check(all); err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, m)
	}
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("--filename: the files contain no Inventory")
	}
	return all, nil
}

// check returns why a document cannot be compared.
func (m manifest) check(others []manifest) error {
	kind := m.object.GroupVersionKind()
	want := v1alpha1.SchemeGroupVersion.WithKind("Inventory")
	switch {
	case kind.GroupKind() != want.GroupKind():
		return fmt.Errorf("%s is not an Inventory, but a %s (%s)", m.where, kind.Kind, m.object.GetAPIVersion())
	case kind.Version != want.Version:
		return fmt.Errorf("%s: apiVersion: the version %q is unknown, only %s is supported", m.where, kind.Version, want.Version)
	}
	for _, other := range others {
		if other.object.GetName() == m.object.GetName() {
			return fmt.Errorf("%s: the Inventory %s is in %s, too", m.where, m.object.GetName(), other.where)
		}
	}
	return nil
}

// admit returns the Inventories that the hub would have after the edit, or why the API server would refuse them.
func admit(ctx context.Context, manifests []manifest, live []v1alpha1.Inventory) ([]v1alpha1.Inventory, error) {
	validator, err := admission.NewValidator()
	if err != nil {
		return nil, err
	}
	var inventories []v1alpha1.Inventory
	var errs []error
	for _, m := range manifests {
		var replaced *v1alpha1.Inventory
		if i := slices.IndexFunc(live, func(i v1alpha1.Inventory) bool { return i.Name == m.object.GetName() }); i >= 0 {
			replaced = &live[i]
		}
		inventory, err := validator.Admit(ctx, m.object, replaced)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: Inventory %s: %w", m.where, m.object.GetName(), err))
			continue
		}
		inventories = append(inventories, *inventory)
	}
	return inventories, errors.Join(errs...)
}
