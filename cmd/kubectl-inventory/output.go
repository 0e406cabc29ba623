// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

// The output formats besides those of kubectl.
const (
	outputTable = "table"
	outputWide  = "wide"
)

// outputName is kubectl's format that prints resources and names.
const outputName = "name"

// outputFlags are kubectl's flags for output, with two formats for tables.
type outputFlags struct {
	*genericclioptions.PrintFlags
	format    string
	noHeaders bool
}

func (f *outputFlags) add(cmd *cobra.Command) {
	f.PrintFlags = genericclioptions.NewPrintFlags("")
	// The formats of tables are unknown to PrintFlags, so the flag --output is defined here.
	f.OutputFormat = nil
	f.AddFlags(cmd)
	f.OutputFormat = &f.format
	f.OutputFlagSpecified = func() bool { return cmd.Flag("output").Changed }
	cmd.Flags().StringVarP(&f.format, "output", "o", outputTable, "Output format. One of: ("+strings.Join(f.formats(), ", ")+").")
	cmd.Flags().BoolVar(&f.noHeaders, "no-headers", false, "Omit the headers of tables.")
	completeFlag(cmd, "output", f.formats()...)
}

func (f *outputFlags) formats() []string {
	return slices.Concat([]string{outputTable, outputWide}, f.AllowedFormats())
}

func (f *outputFlags) validate() error {
	if f.isTable() {
		return nil
	}
	_, err := f.ToPrinter()
	switch {
	case genericclioptions.IsNoCompatiblePrinterError(err):
		return fmt.Errorf("--output: %q is not one of %s", f.format, strings.Join(f.formats(), ", "))
	case err != nil:
		return fmt.Errorf("--output: %w", err)
	}
	return nil
}

// isTable reports whether the output is a table. A template without a format is not.
func (f *outputFlags) isTable() bool {
	template := f.TemplatePrinterFlags.TemplateArgument
	return (f.format == outputTable || f.format == outputWide) && (f.OutputFlagSpecified() || *template == "")
}

// table returns a table on the standard output.
func (o *options) table(f *outputFlags, headers ...string) *printers.Table {
	table := printers.NewTable(o.Out, printers.PaletteFor(o.Out), headers...)
	if f.noHeaders {
		return table.WithoutHeaders()
	}
	return table
}

// printObject prints a value in a format of kubectl.
func (o *options) printObject(f *outputFlags, value any) error {
	printer, err := f.ToPrinter()
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return printers.PrintObject(printer, value, o.Out)
}

// printProfiles prints profiles in a format of kubectl.
func (o *options) printProfiles(f *outputFlags, profiles []inventoryv1alpha1.ClusterProfile) error {
	// An empty list, and not null, if there are none.
	list := &inventoryv1alpha1.ClusterProfileList{Items: append([]inventoryv1alpha1.ClusterProfile{}, profiles...)}
	list.SetGroupVersionKind(o.profileVersion.WithKind("ClusterProfileList"))
	for i := range list.Items {
		list.Items[i].SetGroupVersionKind(o.profileVersion.WithKind("ClusterProfile"))
	}
	return o.printObject(f, list)
}
