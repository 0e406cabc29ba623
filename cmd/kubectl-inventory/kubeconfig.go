// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capi-inventory/capi-inventory/internal/cli/kubeconfig"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
	"github.com/capi-inventory/capi-inventory/internal/cli/references"
)

type writer struct {
	*options
	selectionFlags
	providerFlags
	to               string
	merge            bool
	overwrite        bool
	embed            bool
	pluginKubeconfig string
}

func newKubeconfig(o *options) *cobra.Command {
	w := &writer{options: o}
	cmd := &cobra.Command{
		Use:   "kubeconfig [NAME...]",
		Short: "Write a kubeconfig with a context for each profile",
		Long: "Write a kubeconfig with a context for each profile, named namespace/name. Its users are the credential plugins of the " +
			"provider " +
			"file, or with --embed the current credentials.\n\n" +
			"It is written to the standard output, or with --to to a file of mode 0600. An existing file is changed only with --merge, " +
			"and an " +
			"entry in it with other content only with --overwrite.\n\n" +
			"Exit code 1 means that a profile was left out, because there is no connection to its spoke.",
		ValidArgsFunction: o.completeProfiles(&w.selectionFlags, false),
		RunE:              w.run,
	}
	w.selectionFlags.add(cmd)
	w.providerFlags.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&w.to, "to", "", "File to write; empty means the standard output.")
	flags.BoolVar(&w.merge, "merge", false, "Merge into the file if it exists.")
	flags.BoolVar(&w.overwrite, "overwrite", false, "Replace entries of the same name with other content. Requires --merge.")
	flags.BoolVar(&w.embed, "embed", false, "Run the plugins now and write the credentials into the file. They are not renewed.")
	flags.StringVar(&w.pluginKubeconfig, "plugin-kubeconfig", "", "Kubeconfig by which plugins connect to the hub, which must be its "+
		"current "+
		"context; empty means that of this command, and none that plugins need no hub.")
	return cmd
}

func (w *writer) run(cmd *cobra.Command, names []string) error {
	if err := w.validate(); err != nil {
		return err
	}
	providers, err := w.load()
	if err != nil {
		return err
	}
	hub, err := w.hub()
	if err != nil {
		return err
	}
	profiles, err := w.profiles(cmd, hub, &w.selectionFlags, names)
	if err != nil {
		return err
	}
	policy := references.Policy{Providers: providers, Namespaces: w.referenceNamespaces}
	if providers, err = w.permit(cmd.Context(), hub, policy, profiles); err != nil {
		return err
	}
	made, left, err := w.make(cmd.Context(), providers, profiles)
	if err != nil {
		return err
	}
	for _, why := range left {
		w.warnf("left out: %s", printers.Printable(why))
	}
	if len(made) == 0 {
		return errors.New("there is no connection to any of the spokes, so nothing was written")
	}
	if err := w.write(made); err != nil {
		return err
	}
	if len(left) > 0 {
		return errUnsatisfied
	}
	return nil
}

func (w *writer) validate() error {
	if err := w.providerFlags.validate(); err != nil {
		return err
	}
	switch {
	case w.merge && w.to == "":
		return errors.New("--merge: requires --to")
	case w.overwrite && !w.merge:
		return errors.New("--overwrite: requires --merge; other files are never overwritten")
	case w.embed && w.pluginKubeconfig != "":
		return errors.New("--plugin-kubeconfig: cannot be combined with --embed, which writes no plugins")
	}
	if _, err := os.Lstat(w.to); w.to != "" && !w.merge && err == nil {
		// Checked here before any plugin runs; Create checks it again.
		return w.exists()
	}
	return nil
}

func (w *writer) exists() error {
	return fmt.Errorf("--to: %s exists; --merge adds to it", w.to)
}

// write writes the contexts, and reports the result on the error stream.
func (w *writer) write(made []kubeconfig.Context) error {
	if w.to == "" {
		config := clientcmdapi.NewConfig()
		if _, err := kubeconfig.Merge(config, made, false); err != nil {
			return err
		}
		raw, err := clientcmd.Write(*config)
		if err != nil {
			return fmt.Errorf("encoding a kubeconfig: %w", err)
		}
		if _, err := w.Out.Write(raw); err != nil {
			return fmt.Errorf("printing: %w", err)
		}
		return nil
	}
	outcome, err := w.writeFile(made)
	var conflict *kubeconfig.ConflictError
	switch {
	case errors.As(err, &conflict):
		return fmt.Errorf("--merge: %w; --overwrite replaces them", err)
	case errors.Is(err, fs.ErrExist):
		return w.exists()
	case err != nil:
		return fmt.Errorf("--to: %w", err)
	}
	w.warnf("%s: %d contexts added, %d replaced, %d unchanged", w.to, len(outcome.Added), len(outcome.Replaced), len(outcome.Same))
	return nil
}

func (w *writer) writeFile(made []kubeconfig.Context) (kubeconfig.Outcome, error) {
	if w.merge {
		return kubeconfig.MergeInto(w.to, made, w.overwrite)
	}
	return kubeconfig.Create(w.to, made)
}
