// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// checkNamespace returns why nothing can be published into a namespace; nil if nothing prevents it.
func (r *Reconciler) checkNamespace(ctx context.Context, name string) (*profile.Problem, error) {
	namespace, err := r.namespace(ctx, name)
	if err != nil {
		return nil, err
	}
	return profile.NamespaceProblem(name, namespace), nil
}

func (r *Reconciler) namespaceLabels(ctx context.Context, name string) (labels.Set, error) {
	namespace, err := r.namespace(ctx, name)
	if err != nil {
		return nil, err
	}
	if namespace == nil {
		// A Cluster is in it, so it exists: the informer is stale, and nothing is deselected for that reason.
		return nil, fmt.Errorf("the namespace %q is not in the cache yet", name)
	}
	return namespace.Labels, nil
}

// namespace returns the metadata of a namespace, which is the cache's own and not to be changed; nil if there is none.
func (r *Reconciler) namespace(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	namespace := newNamespaceMetadata()
	key := types.NamespacedName{Name: name}
	if err := r.Client.Get(ctx, key, namespace, client.UnsafeDisableDeepCopy); apierrors.IsNotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("reading the namespace %q: %w", name, err)
	}
	return namespace, nil
}

func newNamespaceMetadata() *metav1.PartialObjectMetadata {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return namespace
}
