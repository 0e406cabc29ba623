// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
)

// discoveryTimeout is how long a program that starts waits for the hub to say which version it serves.
const discoveryTimeout = 10 * time.Second

// ClusterProfiles is the API of the profiles. A program uses v1alpha1 while the hub serves it: that is the version of upstream's released
// Go types. In v1alpha2 (cluster-inventory-api, apis/v1alpha2) the fields that we read and write are the same, so the same Go types are
// used for a hub that serves nothing else.
var ClusterProfiles = API{
	CRD:      "clusterprofiles.multicluster.x-k8s.io",
	Kind:     inventoryv1alpha1.GroupVersion.WithKind("ClusterProfile"),
	Scope:    meta.RESTScopeNamespace,
	Versions: []string{"v1alpha2"},
}

// ProfileVersion returns the version of ClusterProfile to use on a hub. Where the hub does not serve one, or does not answer, that is the
// preferred one: a Gate finds out later.
func ProfileVersion(config *rest.Config) schema.GroupVersion {
	limited := rest.CopyConfig(config)
	limited.Timeout = discoveryTimeout
	preferred := ClusterProfiles.Kind.GroupVersion()
	client, err := discovery.NewDiscoveryClientForConfig(limited)
	if err != nil {
		return preferred
	}
	for _, kind := range ClusterProfiles.kinds() {
		if served, err := isServed(client, kind); err != nil {
			break
		} else if served {
			return kind.GroupVersion()
		}
	}
	return preferred
}
