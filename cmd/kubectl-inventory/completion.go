// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
)

// patience is how long a shell may be kept waiting for completions.
const patience = 3 * time.Second

// patiently is a context that bounds everything that a completion asks of the hub.
func (o *options) patiently(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(cmd.Context(), patience)
	o.bind(ctx)
	return ctx, cancel
}

// completeFlag completes the values of a flag.
func completeFlag(cmd *cobra.Command, flag string, values ...string) {
	completeFlagBy(cmd, flag, func(*cobra.Command) []string { return values })
}

func completeFlagBy(cmd *cobra.Command, flag string, values func(*cobra.Command) []string) {
	// It fails only where there is no such flag, which a test would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return beginning(begun, values(cmd)), cobra.ShellCompDirectiveNoFileComp
	})
}

func beginning(begun string, values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(value string) bool { return !strings.HasPrefix(value, begun) })
}

// completeFlags completes the kubeconfig flags, from the kubeconfig and from the hub.
func (o *options) completeFlags(root *cobra.Command) {
	fromKubeconfig := func(names func(*clientcmdapi.Config) []string) func(*cobra.Command) []string {
		return func(*cobra.Command) []string {
			config, err := o.config.ToRawKubeConfigLoader().RawConfig()
			if err != nil {
				return nil
			}
			return names(&config)
		}
	}
	completeFlagBy(root, "context", fromKubeconfig(func(c *clientcmdapi.Config) []string { return slices.Sorted(maps.Keys(c.Contexts)) }))
	completeFlagBy(root, "cluster", fromKubeconfig(func(c *clientcmdapi.Config) []string { return slices.Sorted(maps.Keys(c.Clusters)) }))
	completeFlagBy(root, "user", fromKubeconfig(func(c *clientcmdapi.Config) []string { return slices.Sorted(maps.Keys(c.AuthInfos)) }))
	completeFlagBy(root, "namespace", func(cmd *cobra.Command) []string {
		ctx, cancel := o.patiently(cmd)
		defer cancel()
		var list corev1.NamespaceList
		return o.read(ctx, &list, func() (names []string) {
			for i := range list.Items {
				names = append(names, list.Items[i].Name)
			}
			return names
		})
	})
}

// read lists something of the hub for a completion; nothing where that fails, because there is nobody to tell.
func (o *options) read(ctx context.Context, list client.ObjectList, names func() []string, opts ...client.ListOption) []string {
	hub, err := o.hub()
	if err != nil || hub.List(ctx, list, opts...) != nil {
		return nil
	}
	return names()
}

// completeProfiles completes names of profiles that are not on the command line yet; explain also takes those of Clusters.
func (o *options) completeProfiles(f *scopeFlags, clustersToo bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := o.patiently(cmd)
		defer cancel()
		scope, err := o.scope(f, nil)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		if hub, err := o.hub(); err == nil {
			profiles, _ := lookup.Profiles(ctx, hub, scope)
			for i := range profiles {
				names = append(names, profiles[i].Name)
			}
		}
		if clustersToo {
			var list clusterv1.ClusterList
			names = append(names, o.read(ctx, &list, func() (names []string) {
				for i := range list.Items {
					names = append(names, list.Items[i].Name)
				}
				return names
			}, client.InNamespace(scope.Namespace))...)
		}
		slices.Sort(names)
		names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return slices.Contains(args, name) })
		return beginning(begun, names), cobra.ShellCompDirectiveNoFileComp
	}
}
