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

// completionTimeout is how long a shell waits for completions.
const completionTimeout = 3 * time.Second

// completionContext returns a context that bounds all requests of a completion to the hub.
func (o *options) completionContext(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	o.bind(ctx)
	return ctx, cancel
}

// completeFlag completes the values of a flag.
func completeFlag(cmd *cobra.Command, flag string, values ...string) {
	completeFlagBy(cmd, flag, func(*cobra.Command) []string { return values })
}

func completeFlagBy(cmd *cobra.Command, flag string, values func(*cobra.Command) []string) {
	// It fails only for an unknown flag, which is a programming error that tests find.
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return withPrefix(prefix, values(cmd)), cobra.ShellCompDirectiveNoFileComp
	})
}

func withPrefix(prefix string, values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(value string) bool { return !strings.HasPrefix(value, prefix) })
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
	completeFlagBy(root, "context", fromKubeconfig(func(c *clientcmdapi.Config) []string {
		return slices.Sorted(maps.Keys(c.Contexts))
	}))
	completeFlagBy(root, "cluster", fromKubeconfig(func(c *clientcmdapi.Config) []string {
		return slices.Sorted(maps.Keys(c.Clusters))
	}))
	completeFlagBy(root, "user", fromKubeconfig(func(c *clientcmdapi.Config) []string {
		return slices.Sorted(maps.Keys(c.AuthInfos))
	}))
	completeFlagBy(root, "namespace", func(cmd *cobra.Command) []string {
		ctx, cancel := o.completionContext(cmd)
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

// read lists objects of the hub for a completion. It returns nothing after an error, which a completion cannot report.
func (o *options) read(ctx context.Context, list client.ObjectList, names func() []string, opts ...client.ListOption) []string {
	hub, err := o.hub()
	if err != nil || hub.List(ctx, list, opts...) != nil {
		return nil
	}
	return names()
}

// completeProfiles completes the names of profiles, and of Clusters for explain, that are not on the command line yet.
func (o *options) completeProfiles(f *selectionFlags, clustersToo bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := o.completionContext(cmd)
		defer cancel()
		selection, err := o.selection(f, nil)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		if hub, err := o.hub(); err == nil {
			profiles, _ := lookup.Profiles(ctx, hub, selection)
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
			}, client.InNamespace(selection.Namespace))...)
		}
		slices.Sort(names)
		names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return slices.Contains(args, name) })
		return withPrefix(prefix, names), cobra.ShellCompDirectiveNoFileComp
	}
}
