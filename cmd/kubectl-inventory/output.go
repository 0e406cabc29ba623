// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

// What can be printed.
const (
	outputTable = "table"
	outputWide  = "wide"
	outputJSON  = "json"
	outputYAML  = "yaml"
	outputName  = "name"
)

var outputs = []string{outputTable, outputWide, outputJSON, outputYAML, outputName}

// outputFlags choose how to print.
type outputFlags struct {
	format    string
	noHeaders bool
}

func (f *outputFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.format, "output", "o", outputTable, "Output format. One of: ("+strings.Join(outputs, ", ")+").")
	cmd.Flags().BoolVar(&f.noHeaders, "no-headers", false, "Leave the headers of tables out.")
	completeFlag(cmd, "output", outputs...)
}

func (f *outputFlags) validate() error {
	if slices.Contains(outputs, f.format) {
		return nil
	}
	if like, ok := lookup.Suggest(f.format, outputs); ok {
		return fmt.Errorf("--output: there is no format %q; did you mean %s?", f.format, like)
	}
	return fmt.Errorf("--output: %q is none of %s", f.format, strings.Join(outputs, ", "))
}

// human says whether a person is to read it.
func (f *outputFlags) human() bool { return f.format == outputTable || f.format == outputWide }

// table begins a table on the standard output.
func (o *options) table(f *outputFlags, headers ...string) *printers.Table {
	table := printers.NewTable(o.Out, printers.PaletteFor(o.Out), headers...)
	if f.noHeaders {
		return table.WithoutHeaders()
	}
	return table
}

// encode prints an object as JSON or YAML. What is null in it is left out: the Go types of ClusterProfile write nulls that
// the API server would not take back.
func (o *options) encode(f *outputFlags, object any) error {
	raw, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	var content any
	if err := json.Unmarshal(raw, &content); err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	content = withoutNulls(content)
	if f.format == outputYAML {
		raw, err = yaml.Marshal(content)
	} else if raw, err = json.MarshalIndent(content, "", "    "); err == nil {
		raw = append(raw, '\n')
	}
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	if _, err := o.Out.Write(raw); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

func withoutNulls(content any) any {
	switch content := content.(type) {
	case map[string]any:
		for key, value := range content {
			if value == nil {
				delete(content, key)
				continue
			}
			content[key] = withoutNulls(value)
		}
	case []any:
		for i := range content {
			content[i] = withoutNulls(content[i])
		}
	}
	return content
}

// names prints names as kubectl does.
func (o *options) names(profiles []inventoryv1alpha1.ClusterProfile) error {
	for i := range profiles {
		if _, err := fmt.Fprintf(o.Out, "clusterprofile.%s/%s\n", inventoryv1alpha1.Group, profiles[i].Name); err != nil {
			return fmt.Errorf("printing: %w", err)
		}
	}
	return nil
}

// tones of a condition's status, and of yes and no.
func toneOf(status metav1.ConditionStatus) printers.Tone {
	switch status {
	case metav1.ConditionTrue:
		return printers.Good
	case metav1.ConditionFalse:
		return printers.Bad
	default:
		return printers.Doubtful
	}
}
