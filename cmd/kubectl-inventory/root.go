// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/version"
)

// newRoot puts the commands together.
func newRoot(o *options) *cobra.Command {
	o.config = genericclioptions.NewConfigFlags(true)
	root := &cobra.Command{
		Use:   "kubectl-inventory",
		Short: "Look at, check, explain, lint and use ClusterProfiles",
		Long: "Look at, check, explain, lint and use ClusterProfiles (multicluster.x-k8s.io), of whatever cluster manager.\n\n" +
			"Exit codes: 0 for yes, 1 for no (a spoke that is not reachable, a profile that is not accepted), 2 if that could not be found out.",
		Annotations:       map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl inventory"},
		Version:           version.String(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              knownCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	root.SetIn(o.In)
	root.SetOut(o.Out)
	root.SetErr(o.ErrOut)
	o.config.AddFlags(root.PersistentFlags())
	root.AddCommand(newList(o), newCheck(o), newExplain(o), newLint(o), newKubeconfig(o))
	o.completeFlags(root)
	return root
}

// knownCommand refuses a first word that is no command, and suggests one that is.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, command := range cmd.Commands() {
		names = append(names, command.Name())
	}
	if like, ok := lookup.Suggest(args[0], names); ok {
		return fmt.Errorf("there is no command %q; did you mean %s?", args[0], like)
	}
	return fmt.Errorf("there is no command %q; see --help", args[0])
}
