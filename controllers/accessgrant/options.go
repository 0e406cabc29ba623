// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrlcache "sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/remote"
)

// What an Inventory asks for, and of which Cluster.
// +kubebuilder:rbac:groups=capi-inventory.dev,resources=inventories,verbs=get;list;watch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters,verbs=get
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
//
// The profiles on which the properties of spokes are published. The right to write their status, too, is given in the namespaces of
// Inventories only.
// +kubebuilder:rbac:groups=multicluster.x-k8s.io,resources=clusterprofiles,verbs=get;list;watch
//
// Grants.
// +kubebuilder:rbac:groups=capi-inventory.dev,resources=accessgrants,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=capi-inventory.dev,resources=accessgrants/status,verbs=patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
//
// The administrator's kubeconfig of each Cluster, by its name. The right to write Secrets is given in the namespaces of Inventories
// only (config/rbac/broker-namespace).
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
//
// Metrics are served to clients that are allowed to read them.
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// Options are the settings of a broker.
type Options struct {
	// PublisherClass is that of the publisher whose grants are fulfilled.
	PublisherClass string
	// Concurrency is how many grants are worked on at a time. Those whose spoke did not answer the last time, or took
	// long to, get half of it at most.
	Concurrency int
	// Spokes are the settings of connections to spokes.
	Spokes remote.Options
	// PollInterval is how often the ClusterProperties of each spoke are read. A watch would hold a connection to each of them.
	PollInterval time.Duration
	// Clock is the source of the time.
	Clock clock.WithTicker
	// Metrics is where the broker's metrics are registered.
	Metrics prometheus.Registerer
}

// CacheOptions returns those of the cache that the manager of a broker must have. namespaces are those whose grants are fulfilled; none
// means all. Of Secrets only the metadata of the broker's own is kept: no credential is cached.
func CacheOptions(namespaces []string) ctrlcache.Options {
	watched := map[string]ctrlcache.Config{}
	for _, namespace := range namespaces {
		watched[namespace] = ctrlcache.Config{}
	}
	return ctrlcache.Options{
		DefaultNamespaces: watched,
		DefaultTransform:  ctrlcache.TransformStripManagedFields(),
		ByObject: map[client.Object]ctrlcache.ByObject{
			newSecretMetadata():                 {Label: ofGrants()},
			&inventoryv1alpha1.ClusterProfile{}: {Transform: reduceProfile},
		},
	}
}

// reduceProfile drops what the broker does not read of a profile. Who owns which property is in its managedFields.
func reduceProfile(object any) (any, error) {
	if profile, isProfile := object.(*inventoryv1alpha1.ClusterProfile); isProfile {
		profile.Annotations, profile.Status.AccessProviders, profile.Status.CredentialProviders = nil, nil, nil
	}
	return object, nil
}

func ofGrants() labels.Selector {
	requirement, err := labels.NewRequirement(v1alpha1.LabelGrant, selection.Exists, nil)
	if err != nil {
		panic("accessgrant: a label selector that cannot be built: " + err.Error())
	}
	return labels.NewSelector().Add(*requirement)
}

func newSecretMetadata() *metav1.PartialObjectMetadata {
	metadata := &metav1.PartialObjectMetadata{}
	metadata.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	return metadata
}

// maxRequests bounds an attempt, by as many requests to a spoke that take as long as they may: one that always answers at the last
// moment would keep a worker for an hour.
const maxRequests = 6

const (
	// minRetry and maxRetry bound the pauses between attempts at what failed.
	minRetry = 5 * time.Second
	maxRetry = 5 * time.Minute
)
