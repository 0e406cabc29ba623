// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
)

// selectionFlags select profiles.
type selectionFlags struct {
	allNamespaces bool
	selector      string
}

func (f *selectionFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.allNamespaces, "all-namespaces", "A", false, "Select profiles in all namespaces.")
	cmd.Flags().StringVarP(&f.selector, "selector", "l", "", "Label selector of the profiles.")
}

// selection returns the selection of the flags and of the names on the command line.
func (o *options) selection(f *selectionFlags, names []string) (lookup.Selection, error) {
	selector, err := labels.Parse(f.selector)
	if err != nil {
		return lookup.Selection{}, fmt.Errorf("--selector: %w", err)
	}
	selection := lookup.Selection{Selector: selector, Names: profileNames(names)}
	if !f.allNamespaces {
		if selection.Namespace, err = o.namespace(); err != nil {
			return lookup.Selection{}, err
		}
	}
	return selection, nil
}

// profileNames returns names without the kind that `-o name` prints before them.
func profileNames(args []string) []string {
	names := make([]string, 0, len(args))
	for _, arg := range args {
		if kind, name, qualified := strings.Cut(arg, "/"); qualified && kinds[strings.ToLower(kind)] == kindProfile {
			arg = name
		}
		names = append(names, arg)
	}
	return names
}

// profiles returns the profiles that a command works on. It is an error if there are none.
func (o *options) profiles(
	cmd *cobra.Command, reader client.Reader, f *selectionFlags, names []string,
) ([]inventoryv1alpha1.ClusterProfile, error) {
	selection, err := o.selection(f, names)
	if err != nil {
		return nil, err
	}
	profiles, err := lookup.Profiles(cmd.Context(), reader, selection)
	if err == nil && len(profiles) == 0 {
		err = fmt.Errorf("nothing to do: %s", lookup.Hint(cmd.Context(), reader, selection))
	}
	return profiles, err
}
