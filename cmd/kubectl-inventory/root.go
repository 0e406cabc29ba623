// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/capi-inventory/capi-inventory/internal/version"
)

// newRoot returns the root command.
func newRoot(o *options) *cobra.Command {
	o.config = genericclioptions.NewConfigFlags(true)
	root := &cobra.Command{
		Use:   "kubectl-inventory",
		Short: "List, check, explain, lint and use ClusterProfiles",
		Long: "List, check, explain, lint and use ClusterProfiles (multicluster.x-k8s.io) of any cluster manager.\n\n" +
			"Exit codes: 0 for success, 1 if a spoke is not reachable or a profile is rejected, left out or would be deleted, 2 for any other error.",
		Annotations:       map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl inventory"},
		Version:           version.String(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	root.SetIn(o.In)
	root.SetOut(o.Out)
	root.SetErr(o.ErrOut)
	o.config.AddFlags(root.PersistentFlags())
	root.AddCommand(newList(o), newCheck(o), newExplain(o), newGrants(o), newLint(o), newDiff(o), newProviders(o), newKubeconfig(o),
		newDashboard(o))
	o.completeFlags(root)
	return root
}
