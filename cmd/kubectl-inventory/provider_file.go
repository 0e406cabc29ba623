// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
	"github.com/capi-inventory/capi-inventory/internal/cli/providerfile"
)

// The output formats of a provider file.
const (
	formatJSON = "json"
	formatYAML = "yaml"
)

type providersWriter struct {
	*options
	selectionFlags
	format  string
	plugins map[string]string
}

func newProviders(o *options) *cobra.Command {
	w := &providersWriter{options: o}
	cmd := &cobra.Command{
		Use:   "providers [PROFILE...]",
		Short: "Write the provider file that fits profiles",
		Long: "Write the provider file that fits profiles: an entry for each access provider that they offer, with the credential plugin of " +
			"upstream or of this project that has its name. All consumers read such a file.\n\n" +
			"An access provider of another name is left out, with exit code 1, until --plugin sets its command: writers of profiles " +
			"choose these names, and must not choose what consumers run.",
		Example:           "  kubectl inventory providers -A > clusterprofile-provider-file.json",
		ValidArgsFunction: o.completeProfiles(&w.selectionFlags, false),
		RunE:              w.run,
	}
	w.add(cmd)
	cmd.Flags().StringToStringVar(&w.plugins, "plugin", nil, "Credential plugins by access provider, as NAME=COMMAND, separated by commas.")
	cmd.Flags().StringVarP(&w.format, "output", "o", formatJSON, "Output format. One of: (json, yaml).")
	completeFlag(cmd, "output", formatJSON, formatYAML)
	return cmd
}

func (w *providersWriter) run(cmd *cobra.Command, names []string) error {
	if w.format != formatJSON && w.format != formatYAML {
		return fmt.Errorf("--output: %q is not one of json, yaml", w.format)
	}
	hub, err := w.hub()
	if err != nil {
		return err
	}
	profiles, err := w.profiles(cmd, hub, &w.selectionFlags, names)
	if err != nil {
		return err
	}
	file, leftOut, err := providerfile.For(profiles, w.plugins)
	if err != nil {
		return fmt.Errorf("--plugin: %w", err)
	}
	if err := w.print(file); err != nil {
		return err
	}
	for _, what := range leftOut {
		w.warnf("Left out: the access provider %s: set its command with --plugin", printers.Printable(what))
	}
	if len(leftOut) > 0 {
		return errUnsatisfied
	}
	return nil
}

func (w *providersWriter) print(file providerfile.File) error {
	var raw bytes.Buffer
	encoder := json.NewEncoder(&raw)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(file); err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	out := raw.Bytes()
	if w.format == formatYAML {
		var err error
		if out, err = yaml.JSONToYAML(out); err != nil {
			return fmt.Errorf("encoding: %w", err)
		}
	}
	if _, err := w.Out.Write(out); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}
