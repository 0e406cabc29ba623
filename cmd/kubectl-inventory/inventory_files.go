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
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/admission"
)

// inventoryFiles are Inventories in files, which are read as in kubectl: files, folders, URLs, and - for the standard input.
type inventoryFiles struct {
	files     []string
	recursive bool
}

// standardInput is how the standard input is called in errors.
const standardInput = "standard input"

func (f *inventoryFiles) add(cmd *cobra.Command) {
	flags := genericclioptions.FileNameFlags{
		Usage:     "Files with Inventories, of any number of documents; - for the standard input.",
		Filenames: &f.files,
		Recursive: &f.recursive,
	}
	flags.AddFlags(cmd.Flags())
}

// manifest is an Inventory in a file.
type manifest struct {
	// where is the file, and the number of the document in it.
	where  string
	object *unstructured.Unstructured
}

// manifests returns the Inventories in the files. Each document of another kind is an error.
func (f *inventoryFiles) manifests(in io.Reader) ([]manifest, error) {
	if len(f.files) == 0 {
		return nil, errors.New("--filename: is required: the files with the Inventories, or - for the standard input")
	}
	builder := resource.NewLocalBuilder().Unstructured().Local()
	files := slices.DeleteFunc(slices.Clone(f.files), func(file string) bool { return file == "-" })
	if len(files) < len(f.files) {
		builder = builder.Stream(in, standardInput)
	}
	var all []manifest
	var errs []error
	documents := map[string]int{}
	err := builder.
		FilenameParam(false, &resource.FilenameOptions{Filenames: files, Recursive: f.recursive}).
		Flatten().
		ContinueOnError().
		Do().
		Visit(func(info *resource.Info, err error) error {
			if err != nil {
				return err
			}
			documents[info.Source]++
			m := manifest{
				where:  fmt.Sprintf("%s: document %d", info.Source, documents[info.Source]),
				object: info.Object.(*unstructured.Unstructured),
			}
			if err := m.check(all); err != nil {
				errs = append(errs, err)
				return nil
			}
			all = append(all, m)
			return nil
		})
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
