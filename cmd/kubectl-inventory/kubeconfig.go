// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/cli/kubeconfig"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
)

type writer struct {
	*options
	scopeFlags
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
		Long: "Write a kubeconfig with a context for each profile, named namespace/name. Its users are the credential plugins of the provider file; with --embed, the credentials that these give now.\n\n" +
			"It goes to the standard output, or with --to to a file of mode 0600. A file that exists is left alone unless --merge asks for it, and an entry in it that says something else unless --overwrite does.\n\n" +
			"Exit code 1 says that a profile was left out, because there is no way into its spoke.",
		ValidArgsFunction: o.completeProfiles(&w.scopeFlags, false),
		RunE:              w.run,
	}
	w.scopeFlags.add(cmd)
	w.providerFlags.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&w.to, "to", "", "File to write; the standard output if not set.")
	flags.BoolVar(&w.merge, "merge", false, "Merge into the file if it exists.")
	flags.BoolVar(&w.overwrite, "overwrite", false, "Replace entries of the same name that say something else.")
	flags.BoolVar(&w.embed, "embed", false, "Run the plugins now and write the credentials themselves, which then stand in the file and are not renewed.")
	flags.StringVar(&w.pluginKubeconfig, "plugin-kubeconfig", "", "Kubeconfig by which plugins find the hub, whose current context must be the hub; that of this command if not set, none if plugins need no hub.")
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
	profiles, err := w.profiles(cmd, hub, &w.scopeFlags, names)
	if err != nil {
		return err
	}
	if providers, err = w.follow(cmd.Context(), hub, &w.providerFlags, providers, profiles); err != nil {
		return err
	}
	made, left, err := w.make(cmd, providers, profiles)
	if err != nil {
		return err
	}
	for _, why := range left {
		w.say("left out: %s", printers.Printable(why))
	}
	if len(made) == 0 {
		return errors.New("there is no way into any of the spokes, so nothing was written")
	}
	if err := w.write(made); err != nil {
		return err
	}
	if len(left) > 0 {
		return errNo
	}
	return nil
}

func (w *writer) validate() error {
	if err := w.providerFlags.validate(); err != nil {
		return err
	}
	switch {
	case w.merge && w.to == "":
		return errors.New("--merge: needs --to, to say into which file")
	case w.overwrite && !w.merge:
		return errors.New("--overwrite: needs --merge; a file that is not merged into is not written over")
	case w.embed && w.pluginKubeconfig != "":
		return errors.New("--plugin-kubeconfig: there is no plugin in the file with --embed")
	}
	if _, err := os.Lstat(w.to); w.to != "" && !w.merge && err == nil {
		// Looked at before any plugin is run; the writing itself makes sure.
		return w.exists()
	}
	return nil
}

func (w *writer) exists() error {
	return fmt.Errorf("--to: %s exists already; --merge adds to it", w.to)
}

// make turns profiles into contexts. What cannot be one is left out, with the reason.
func (w *writer) make(cmd *cobra.Command, providers *access.Providers, profiles []inventoryv1alpha1.ClusterProfile) (made []kubeconfig.Context, left []string, err error) {
	ways := make([]access.Connection, len(profiles))
	faults := make([]error, len(profiles))
	for i := range profiles {
		ways[i], faults[i] = providers.Connection(&profiles[i])
		if faults[i] == nil && ways[i].Note != "" {
			w.say("note: %s: %s", kubeconfig.Name(&profiles[i]), ways[i].Note)
		}
	}
	all := make([]kubeconfig.Context, len(profiles))
	if w.embed {
		err = w.embedded(cmd, profiles, ways, all, faults)
	} else {
		err = w.plugged(profiles, ways, all, faults)
	}
	if err != nil {
		return nil, nil, err
	}
	for i := range profiles {
		if faults[i] != nil {
			left = append(left, fmt.Sprintf("%s: %s", kubeconfig.Name(&profiles[i]), faults[i]))
			continue
		}
		made = append(made, all[i])
	}
	return made, left, nil
}

// plugged makes contexts whose users are plugins.
func (w *writer) plugged(profiles []inventoryv1alpha1.ClusterProfile, ways []access.Connection, all []kubeconfig.Context, faults []error) error {
	hub, err := w.hubOfPlugins()
	for i := range profiles {
		if faults[i] != nil {
			continue
		}
		if err != nil && !kubeconfig.FindsHub(ways[i]) {
			return err
		}
		all[i], faults[i] = kubeconfig.WithPlugin(&profiles[i], ways[i], hub)
		if faults[i] == nil && hub != "" {
			outOfPod(all[i].User)
		}
	}
	return nil
}

// embedded makes contexts that hold credentials.
func (w *writer) embedded(cmd *cobra.Command, profiles []inventoryv1alpha1.ClusterProfile, ways []access.Connection, all []kubeconfig.Context, faults []error) (err error) {
	w.say("Warning: the kubeconfig will hold the credentials themselves. Whoever reads it gets into the spokes, until the credentials end or are revoked; they are not renewed.")
	source, done, err := w.source(&w.providerFlags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	bar := printers.NewBar(w.ErrOut, len(profiles), "without credentials")
	places := make(chan struct{}, w.workers)
	var running sync.WaitGroup
	for i := range profiles {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			if faults[i] == nil {
				given, _, err := source.Get(cmd.Context(), client.ObjectKeyFromObject(&profiles[i]), ways[i].Provider, ways[i].Config)
				if faults[i] = err; err == nil {
					all[i], faults[i] = kubeconfig.WithCredential(&profiles[i], ways[i], given)
				}
			}
			bar.Step(faults[i] == nil)
		})
	}
	running.Wait()
	bar.Clear()
	return cmd.Context().Err()
}

// write puts the contexts where they are wanted, and says on the error stream what became of them.
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
	w.say("%s: %d contexts added, %d replaced, %d as they were", w.to, len(outcome.Added), len(outcome.Replaced), len(outcome.Same))
	return nil
}

func (w *writer) writeFile(made []kubeconfig.Context) (kubeconfig.Outcome, error) {
	if w.merge {
		return kubeconfig.MergeInto(w.to, made, w.overwrite)
	}
	return kubeconfig.Create(w.to, made)
}
