// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/kubeconfig"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
)

// follow decides which references of the profiles to Secrets on the hub are followed, and names those that the person has
// permitted by a flag.
//
// A profile that is published into another namespace refers to a Secret in its Cluster's. Which Cluster that is, only the
// profile says, and whoever wrote it may have chosen. So the Cluster itself is asked: its credentials go nowhere but to it.
func (o *options) follow(ctx context.Context, hub client.Reader, f *providerFlags, loaded *access.Providers, profiles []inventoryv1alpha1.ClusterProfile) (*access.Providers, error) {
	found, err := o.pluginHub()
	if err != nil {
		return nil, err
	}
	references := access.References{Default: found.Namespace}
	loaded = loaded.With(references)
	clusters, err := claimed(ctx, hub, loaded, profiles)
	if err != nil {
		return nil, err
	}
	references.Permit = func(profile *inventoryv1alpha1.ClusterProfile, reference access.Reference) bool {
		return leadsTo(clusters[claim(profile)], profile, reference)
	}
	own := loaded.With(references)
	references.Namespaces = f.referenceNamespaces
	all := loaded.With(references)
	for i := range profiles {
		_, err := own.Connection(&profiles[i])
		way, errAll := all.Connection(&profiles[i])
		if err != nil && errAll == nil {
			o.say("Warning: %s", printers.Printable(fmt.Sprintf("%s refers to the Secret %s/%s, whose credentials go to %s",
				kubeconfig.Name(&profiles[i]), way.Reference.Namespace, way.Reference.Name, way.Server)))
		}
	}
	return all, nil
}

// claim is the Cluster that a profile says it stands for.
func claim(profile *inventoryv1alpha1.ClusterProfile) client.ObjectKey {
	return client.ObjectKey{Namespace: profile.Labels[v1alpha1.LabelClusterNamespace], Name: profile.Labels[v1alpha1.LabelClusterName]}
}

// claimed reads the Clusters that matter to references: of profiles that refer to a Secret in their Cluster's namespace and
// not in their own. A hub without Cluster API, or that does not let the person read Clusters, has none.
func claimed(ctx context.Context, hub client.Reader, providers *access.Providers, profiles []inventoryv1alpha1.ClusterProfile) (map[client.ObjectKey]*clusterv1.Cluster, error) {
	var namespaces []string
	for i := range profiles {
		way, _ := providers.Connection(&profiles[i])
		if namespace := claim(&profiles[i]).Namespace; way.Reference != nil && namespace != profiles[i].Namespace && namespace == way.Reference.Namespace {
			namespaces = append(namespaces, namespace)
		}
	}
	slices.Sort(namespaces)
	clusters := map[client.ObjectKey]*clusterv1.Cluster{}
	for _, namespace := range slices.Compact(namespaces) {
		var list clusterv1.ClusterList
		err := hub.List(ctx, &list, client.InNamespace(namespace))
		switch {
		case apierrors.IsForbidden(err), meta.IsNoMatchError(err):
			continue
		case err != nil:
			return nil, fmt.Errorf("reading the Clusters in %s: %w", namespace, err)
		}
		for i := range list.Items {
			clusters[client.ObjectKeyFromObject(&list.Items[i])] = &list.Items[i]
		}
	}
	return clusters, nil
}

// leadsTo says whether a reference is to a Secret beside a Cluster, and its credentials go to that Cluster and nowhere else.
func leadsTo(cluster *clusterv1.Cluster, profile *inventoryv1alpha1.ClusterProfile, reference access.Reference) bool {
	if cluster == nil || cluster.Namespace != reference.Namespace || string(cluster.UID) != profile.Labels[v1alpha1.LabelClusterUID] || reference.Proxy != "" {
		return false
	}
	server, err := url.Parse(reference.Server)
	if err != nil {
		return false
	}
	port := server.Port()
	if port == "" {
		port = "443"
	}
	endpoint := cluster.Spec.ControlPlaneEndpoint
	return endpoint.Host != "" && strings.EqualFold(server.Hostname(), endpoint.Host) && port == strconv.Itoa(int(endpoint.Port))
}
