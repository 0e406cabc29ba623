// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// confirmation says that a version of a Secret is a Cluster's.
type confirmation struct {
	cluster types.UID
	version string
}

// isCurrent reports whether the Secret in the cache is the Cluster's, and not that of an earlier Cluster of the same name which the cache
// has not lost yet: kinds have caches of their own, which follow the API server each at its pace. Cluster API writes the Secret after it
// has seen the Cluster, so only one that is not younger is looked up, once for each version: a user may have supplied it.
func (r *kubeconfigReader) isCurrent(ctx context.Context, cluster *clusterv1.Cluster, cached *corev1.Secret) (bool, error) {
	if cached.CreationTimestamp.After(cluster.CreationTimestamp.Time) {
		return true, nil
	}
	name := client.ObjectKeyFromObject(cached)
	wanted := confirmation{cluster: cluster.UID, version: cached.ResourceVersion}
	key := client.ObjectKeyFromObject(cluster)
	if r.known.get(key, name.Name).confirmed == wanted {
		return true, nil
	}
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	switch err := r.apiReader.Get(ctx, name, live); {
	case apierrors.IsNotFound(err):
		return false, nil
	case apierrors.IsForbidden(err):
		// The publisher may list Secrets and not get them: then there is nothing but the cache.
	case err != nil:
		return false, fmt.Errorf("looking up Secret %s: %w", name, err)
	case live.ResourceVersion != cached.ResourceVersion, isOfAnother(live, cluster):
		return false, nil
	}
	r.known.setConfirmed(key, name.Name, wanted)
	return true, nil
}

// isOfAnother reports whether an object is owned by another Cluster than this one.
func isOfAnother(object metav1.Object, cluster *clusterv1.Cluster) bool {
	return slices.ContainsFunc(object.GetOwnerReferences(), func(owner metav1.OwnerReference) bool {
		group, err := schema.ParseGroupVersion(owner.APIVersion)
		return err == nil && group.Group == clusterv1.GroupVersion.Group && owner.Kind == "Cluster" && owner.UID != cluster.UID
	})
}
