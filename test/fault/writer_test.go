// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// markLabel is a label, and a property, of another writer.
const markLabel = "mark.example.com"

// changeProfile changes a profile as another writer would; it is no error if it has gone.
func changeProfile(t tester, key types.NamespacedName, change func(*inventoryv1alpha1.ClusterProfile)) {
	t.Helper()
	write(t, key, change, func(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) error {
		return hub.Update(ctx, profile, client.FieldOwner("writer"))
	})
}

// changeStatus changes the status of a profile as another writer would.
func changeStatus(t tester, key types.NamespacedName, change func(*inventoryv1alpha1.ClusterProfile)) {
	t.Helper()
	write(t, key, change, func(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) error {
		return hub.Status().Update(ctx, profile, client.FieldOwner("writer"))
	})
}

func write(
	t tester, key types.NamespacedName, change func(*inventoryv1alpha1.ClusterProfile),
	update func(context.Context, *inventoryv1alpha1.ClusterProfile) error,
) {
	t.Helper()
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		profile := &inventoryv1alpha1.ClusterProfile{}
		if err := hub.Get(t.Context(), key, profile); err != nil {
			return err
		}
		change(profile)
		return update(t.Context(), profile)
	})
	if !apierrors.IsNotFound(err) {
		must(t, err)
	}
}

// mark adds a label and a property that are none of the publisher's business, and returns the UID of the profile.
func mark(t tester, key types.NamespacedName, value string) (uid types.UID) {
	t.Helper()
	changeProfile(t, key, func(profile *inventoryv1alpha1.ClusterProfile) {
		profile.Labels[markLabel] = value
		uid = profile.UID
	})
	changeStatus(t, key, func(profile *inventoryv1alpha1.ClusterProfile) {
		for i := range profile.Status.Properties {
			if profile.Status.Properties[i].Name == markLabel {
				profile.Status.Properties[i].Value = value
				return
			}
		}
		profile.Status.Properties = append(profile.Status.Properties, inventoryv1alpha1.Property{Name: markLabel, Value: value})
	})
	return uid
}

// forgeable are the labels that a writer may forge.
var forgeable = []string{
	v1alpha1.LabelClusterName, v1alpha1.LabelClusterNamespace, v1alpha1.LabelClusterUID, v1alpha1.LabelInventory,
	v1alpha1.LabelInventoryMemberID, inventoryv1alpha1.LabelClusterManagerKey, "env",
}

// forge changes or removes a label.
func forge(t tester, key types.NamespacedName, label string, remove bool) {
	t.Helper()
	changeProfile(t, key, func(profile *inventoryv1alpha1.ClusterProfile) {
		if profile.Labels[label] = "forged"; remove {
			delete(profile.Labels, label)
		}
	})
}

// tamper leads an access elsewhere: by another server, or through a proxy. It changes the health and the version too.
func tamper(t tester, key types.NamespacedName, proxy bool) {
	t.Helper()
	changeStatus(t, key, func(profile *inventoryv1alpha1.ClusterProfile) {
		for i := range profile.Status.AccessProviders {
			if cluster := &profile.Status.AccessProviders[i].Cluster; proxy {
				cluster.ProxyURL = "http://evil.example.com:3128"
			} else {
				cluster.Server = "https://evil.example.com"
			}
		}
		for i := range profile.Status.Conditions {
			profile.Status.Conditions[i].Status = metav1.ConditionFalse
			profile.Status.Conditions[i].Message = "forged"
		}
		profile.Status.Version.Kubernetes = "v0.0.1"
	})
}

// createForeign makes a profile of another manager.
func (s *stage) createForeign(t tester, key types.NamespacedName) {
	t.Helper()
	profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	profile.Spec.ClusterManager.Name = "other"
	must(t, hub.Create(t.Context(), profile, client.FieldOwner("writer")))
	made := &inventoryv1alpha1.ClusterProfile{}
	must(t, hub.Get(t.Context(), key, made))
	s.foreign[key] = made
}

// deleteProfile deletes a profile, of whatever manager.
func (s *stage) deleteProfile(t tester, key types.NamespacedName) {
	t.Helper()
	profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	must(t, client.IgnoreNotFound(hub.Delete(t.Context(), profile)))
	delete(s.foreign, key)
}
