// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Provenance: labels on every ClusterProfile the publisher writes. They say which Cluster a profile stands for, and are
// what the publisher recognises its own work by before it writes or deletes anything.
const (
	// LabelInventory names the inventory that published the profile.
	LabelInventory = "capi-inventory.dev/inventory"
	// LabelClusterNamespace is the namespace of the Cluster.
	LabelClusterNamespace = "capi-inventory.dev/cluster-namespace"
	// LabelClusterName is the name of the Cluster.
	LabelClusterName = "capi-inventory.dev/cluster-name"
	// LabelClusterUID is the UID of the Cluster: a Cluster that is created again under the same name is another member.
	LabelClusterUID = "capi-inventory.dev/cluster-uid"
)

// What a platform engineer may put on a Cluster.
const (
	// LabelPublish on a Cluster, with the value "false", keeps it out of every inventory; profiles already published go.
	LabelPublish = "capi-inventory.dev/publish"
	// AnnotationDisplayName on a Cluster becomes spec.displayName of its profiles.
	AnnotationDisplayName = "capi-inventory.dev/display-name"
)

// LabelInventoryMemberID identifies the member cluster within an inventory: non-empty, unchanged while the profile lives
// (KEP-4322; the Go constant of upstream is younger than the version we build with).
const LabelInventoryMemberID = "multicluster.x-k8s.io/inventory-member-id"

// Properties derived from the Cluster, in status.properties of a ClusterProfile.
const (
	// PropertyInfrastructureKind is the kind of the Cluster's infrastructure object, for example DockerCluster.
	PropertyInfrastructureKind = "infrastructure-kind.capi-inventory.dev"
	// PropertyControlPlaneKind is the kind of the Cluster's control plane object, for example KubeadmControlPlane.
	PropertyControlPlaneKind = "control-plane-kind.capi-inventory.dev"
	// PropertyClusterClass is the ClusterClass of the Cluster's topology.
	PropertyClusterClass = "cluster-class.capi-inventory.dev"
)

// FinalizerProfiles on an Inventory holds it until its profiles are gone.
const FinalizerProfiles = "capi-inventory.dev/profiles"

// FinalizerGrant on an AccessGrant holds it until what was made for it on the spoke is gone.
const FinalizerGrant = "capi-inventory.dev/grant"

// What the broker marks its objects with.
const (
	// LabelGrant on a Secret of the hub, and on every object that the broker makes on a spoke, is a digest that identifies the
	// AccessGrant, and its hub.
	LabelGrant = "capi-inventory.dev/grant"
	// LabelHub on the namespace that the broker makes on a spoke is a digest that identifies the hub.
	LabelHub = "capi-inventory.dev/hub"
	// SecretTypeKubeconfig is the type of the Secrets that the broker makes: no consumer of Cluster API's Secrets looks for it.
	SecretTypeKubeconfig = "capi-inventory.dev/kubeconfig"
)

// ProviderClusterProperties is the access provider of the AccessGrant with which the broker itself reads a spoke's ClusterProperty
// objects (spec.clusterPropertyPolicy). No access provider of an Inventory may have the name.
const ProviderClusterProperties = "clusterproperties.about.k8s.io"

// PropertyClusterID identifies the member cluster itself: the UID of its namespace kube-system (KEP-2149).
const PropertyClusterID = "cluster.clusterset.k8s.io"

// PropertyClusterSet is the cluster set that a member belongs to (KEP-2149).
const PropertyClusterSet = "clusterset.k8s.io"

// ProviderKubeconfigSecret is the access provider that points at a Secret holding a kubeconfig; it is the name of the
// plugin that upstream ships for it, and the one consumers look for.
const ProviderKubeconfigSecret = "kubeconfig-secretreader"
