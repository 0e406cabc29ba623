// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package references decides which Secrets of the hub a profile may refer to.
//
// A profile names the Secret with the credentials and the server that gets them. Users of the plugin may have rights to all Secrets,
// and the writer of a profile may not. So a reference must be to the namespace of the profile, or of the profile's Cluster if the
// credentials are that Cluster's and are sent to it, or to one that the user permits.
package references

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
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
)

// Policy is what is permitted besides a profile's own namespace.
type Policy struct {
	// Providers are those of the provider file.
	Providers *access.Providers
	// Default is the namespace of references without one.
	Default string
	// Namespaces are those that the user permits for all profiles.
	Namespaces []string
}

// Permit returns the providers with the references of the profiles that are permitted. Warnings name the references that only the
// user's namespaces permit, and the servers and proxies that get their credentials.
//
// A profile that is published into another namespace refers to a Secret in the namespace of its Cluster. The profile's labels name the
// Cluster, but its writer may have set them freely. So the Cluster itself is read: only its own Secrets are sent, and only to its endpoint.
func (p Policy) Permit(
	ctx context.Context, hub client.Reader, profiles []inventoryv1alpha1.ClusterProfile,
) (permitted *access.Providers, warnings []string, err error) {
	rules := access.References{Default: p.Default}
	providers := p.Providers.With(rules)
	clusters, err := readClusters(ctx, hub, providers, profiles)
	if err != nil {
		return nil, nil, err
	}
	rules.Permit = func(profile *inventoryv1alpha1.ClusterProfile, reference access.Reference) bool {
		cluster := clusters[clusterOf(profile)]
		return leadsTo(cluster, profile, reference) && ownerOf(clusters, reference) == cluster
	}
	own := providers.With(rules)
	rules.Namespaces = p.Namespaces
	permitted = providers.With(rules)
	for i := range profiles {
		_, err := own.Connection(&profiles[i])
		connection, errPermitted := permitted.Connection(&profiles[i])
		if err != nil && errPermitted == nil {
			warnings = append(warnings, fmt.Sprintf("%s refers to the Secret %s/%s, whose credentials are sent to %s%s",
				kubeconfig.Name(&profiles[i]), connection.Reference.Namespace, connection.Reference.Name, connection.Server,
				through(connection.Reference.Proxy)))
		}
	}
	return permitted, warnings, nil
}

// through names the proxy of a profile, which is its writer's as the certificate authority is, so that it can read what it forwards.
func through(proxy string) string {
	if proxy == "" {
		return ""
	}
	// The URL may contain a password.
	parsed, err := url.Parse(proxy)
	if err != nil {
		return " through a proxy"
	}
	return " through the proxy " + parsed.Host
}

// clusterOf returns the Cluster that a profile's labels name.
func clusterOf(profile *inventoryv1alpha1.ClusterProfile) client.ObjectKey {
	return client.ObjectKey{Namespace: profile.Labels[v1alpha1.LabelClusterNamespace], Name: profile.Labels[v1alpha1.LabelClusterName]}
}

// readClusters reads the Clusters of profiles that refer to a Secret in their Cluster's namespace, which is not their own. It returns
// none for a hub without Cluster API, or if the user may not read Clusters.
func readClusters(
	ctx context.Context, hub client.Reader, providers *access.Providers, profiles []inventoryv1alpha1.ClusterProfile,
) (map[client.ObjectKey]*clusterv1.Cluster, error) {
	var namespaces []string
	for i := range profiles {
		connection, _ := providers.Connection(&profiles[i])
		namespace := clusterOf(&profiles[i]).Namespace
		if connection.Reference != nil && namespace != profiles[i].Namespace && namespace == connection.Reference.Namespace {
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

// ownerOf returns the Cluster whose Secret a reference is to, by the name, which begins with the Cluster's; nil for none. One namespace may
// have Clusters of several teams, and a name may begin with those of two Clusters, of which the longer one counts.
func ownerOf(clusters map[client.ObjectKey]*clusterv1.Cluster, reference access.Reference) *clusterv1.Cluster {
	var owner *clusterv1.Cluster
	for key, cluster := range clusters {
		if key.Namespace == reference.Namespace && strings.HasPrefix(reference.Name, key.Name) &&
			(owner == nil || len(key.Name) > len(owner.Name)) {
			owner = cluster
		}
	}
	return owner
}

// leadsTo reports whether a reference is to a Secret in the namespace of a Cluster, and its credentials are sent only to that Cluster.
func leadsTo(cluster *clusterv1.Cluster, profile *inventoryv1alpha1.ClusterProfile, reference access.Reference) bool {
	if cluster == nil || cluster.Namespace != reference.Namespace || reference.Proxy != "" ||
		string(cluster.UID) != profile.Labels[v1alpha1.LabelClusterUID] {
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
