// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// namespaceCache has one namespace, and counts the reads that copy it.
type namespaceCache struct {
	client.Reader
	copies int
}

func (c *namespaceCache) Get(_ context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	read := (&client.GetOptions{}).ApplyOptions(options)
	if read.UnsafeDisableDeepCopy == nil || !*read.UnsafeDisableDeepCopy {
		c.copies++
	}
	object.(*metav1.PartialObjectMetadata).ObjectMeta = metav1.ObjectMeta{Name: key.Name, Labels: map[string]string{"env": "prod"}}
	return nil
}

// Each reconcile reads the namespaces of a Cluster and of its profiles: the cache's own, not a copy.
func TestNamespacesAreNotCopied(t *testing.T) {
	read := &namespaceCache{}
	r := &Reconciler{Options: Options{Client: read}}
	labels, err := r.namespaceLabels(t.Context(), "team-a")
	if err != nil || labels["env"] != "prod" {
		t.Errorf("got %v, %v", labels, err)
	}
	if problem, err := r.checkNamespace(t.Context(), "team-a"); err != nil || problem != nil {
		t.Errorf("got %v, %v", problem, err)
	}
	if read.copies > 0 {
		t.Errorf("%d reads copy the namespace", read.copies)
	}
}
