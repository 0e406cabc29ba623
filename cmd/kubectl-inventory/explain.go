// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/internal/cli/facts"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// The kinds that can be explained.
const (
	kindCluster = "cluster"
	kindProfile = "clusterprofile"
)

// kinds are the names of the kinds on the command line.
var kinds = map[string]string{
	"cluster":                               kindCluster,
	"clusters":                              kindCluster,
	"cluster.cluster.x-k8s.io":              kindCluster,
	"clusters.cluster.x-k8s.io":             kindCluster,
	"profile":                               kindProfile,
	"profiles":                              kindProfile,
	"clusterprofile":                        kindProfile,
	"clusterprofiles":                       kindProfile,
	"clusterprofile.multicluster.x-k8s.io":  kindProfile,
	"clusterprofiles.multicluster.x-k8s.io": kindProfile,
}

type explainer struct {
	*options
	selectionFlags
	outputFlags
}

func newExplain(o *options) *cobra.Command {
	e := &explainer{options: o}
	cmd := &cobra.Command{
		Use:   "explain CLUSTER|PROFILE",
		Short: "Explain why a Cluster is or is not published, and where each field of its profiles comes from",
		Long: "Explain why a Cluster is or is not published, and where; the source and the owners of each field of its profiles; what " +
			"was left " +
			"out; and which consumers do not accept them.\n\n" +
			"NAME is the name of a Cluster, or else of a profile; cluster/NAME and profile/NAME select one of the two.",
		Args:              oneName,
		ValidArgsFunction: o.completeProfiles(&e.selectionFlags, true),
		RunE:              e.run,
	}
	e.outputFlags.add(cmd)
	return cmd
}

func (e *explainer) run(cmd *cobra.Command, args []string) error {
	if err := e.validate(); err != nil {
		return err
	}
	hub, err := e.hub()
	if err != nil {
		return err
	}
	kind, key, err := e.target(args[0])
	if err != nil {
		return err
	}
	report, err := e.explain(cmd.Context(), hub, kind, key)
	if err != nil {
		return err
	}
	switch {
	case e.isTable():
		return e.printReport(report)
	case e.format == outputName:
		return e.printNames(report)
	}
	return e.printObject(&e.outputFlags, report)
}

// target parses NAME, KIND/NAME or NAMESPACE/NAME.
func (e *explainer) target(text string) (kind string, key types.NamespacedName, err error) {
	namespace, err := e.namespace()
	if err != nil {
		return "", key, err
	}
	before, after, qualified := strings.Cut(text, "/")
	switch {
	case !qualified:
		return "", types.NamespacedName{Namespace: namespace, Name: text}, nil
	case kinds[strings.ToLower(before)] != "":
		return kinds[strings.ToLower(before)], types.NamespacedName{Namespace: namespace, Name: after}, nil
	}
	return "", types.NamespacedName{Namespace: before, Name: after}, nil
}

func (e *explainer) explain(ctx context.Context, hub client.Client, kind string, key types.NamespacedName) (explain.Report, error) {
	known, err := facts.Read(ctx, hub, key.Namespace)
	if err != nil {
		return explain.Report{}, err
	}
	source := key
	if kind != kindProfile {
		if err := facts.Cluster(ctx, hub, key, &known); err != nil {
			return explain.Report{}, err
		}
	}
	if known.Cluster == nil && kind != kindCluster {
		i := slices.IndexFunc(known.Profiles, func(p inventoryv1alpha1.ClusterProfile) bool {
			return p.Namespace == key.Namespace && p.Name == key.Name
		})
		if i >= 0 {
			known.Only = key
			var stamped bool
			if source, stamped = profile.LabelledCluster(&known.Profiles[i]); stamped {
				if err := facts.Cluster(ctx, hub, source, &known); err != nil {
					return explain.Report{}, err
				}
			}
		}
	}
	if err := facts.BesideProfiles(ctx, hub, source, &known); err != nil {
		return explain.Report{}, err
	}
	switch {
	case known.Cluster != nil:
		return explain.Cluster(known)
	case known.Only == key:
		return explain.Foreign(known)
	}
	if known.Unread.Cluster {
		if report := explain.Hidden(known, key); len(report.Profiles) > 0 {
			return report, nil
		}
	}
	return explain.Report{}, e.unknown(ctx, hub, key, known)
}

// unknown returns an error with the Cluster or the profile that the user may have meant.
func (e *explainer) unknown(ctx context.Context, hub client.Reader, key types.NamespacedName, known explain.Facts) error {
	clusters, err := facts.Clusters(ctx, hub, key.Namespace)
	if err != nil {
		return err
	}
	var here, elsewhere []string
	add := func(namespace, name string) {
		switch {
		case namespace == key.Namespace:
			here = append(here, name)
		case name == key.Name:
			elsewhere = append(elsewhere, namespace+"/"+name)
		}
	}
	for i := range clusters {
		add(clusters[i].Namespace, clusters[i].Name)
	}
	for i := range known.Profiles {
		add(known.Profiles[i].Namespace, known.Profiles[i].Name)
	}
	slices.Sort(here)
	slices.Sort(elsewhere)
	suggestion, _ := lookup.Suggest(key.Name, here)
	if len(elsewhere) > 0 {
		suggestion = elsewhere[0]
	}
	if suggestion != "" {
		suggestion = fmt.Sprintf("; did you mean %s?", suggestion)
	}
	switch hidden := known.Unread.Profiles != nil && !known.Unread.Profiles.Has(key.Namespace); {
	case hidden && known.Unread.Cluster:
		return fmt.Errorf("you may read neither Clusters nor ClusterProfiles in the namespace %s%s", key.Namespace, suggestion)
	case hidden:
		return fmt.Errorf("there is no Cluster %q in the namespace %s, where you may not read "+
			"ClusterProfiles%s", key.Name, key.Namespace, suggestion)
	case known.Unread.Cluster:
		return fmt.Errorf("there is no ClusterProfile %q in the namespace %s, where you may not read "+
			"Clusters%s", key.Name, key.Namespace, suggestion)
	}
	return fmt.Errorf("there is neither a Cluster nor a ClusterProfile %q in the namespace %s%s", key.Name, key.Namespace, suggestion)
}
