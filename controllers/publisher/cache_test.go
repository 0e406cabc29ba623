// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"fmt"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/internal/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

func TestTransforms(t *testing.T) {
	for name, object := range map[string]client.Object{
		"Cluster":        fixture.Cluster("team-a", "c1", fixture.Provisioned("v1.36.3"), fixture.Labels(map[string]string{"env": "prod"})),
		"Secret":         fixture.KubeconfigSecret("team-a", "c1", kubeconfig("c1", "https://10.0.0.1:6443")),
		"ClusterProfile": profileOf("c1"),
	} {
		t.Run(name+" twice is once", func(t *testing.T) {
			transform := transformOf(t, object)
			once, err := transform(object.DeepCopyObject())
			if err != nil {
				t.Fatal(err)
			}
			twice, err := transform(once.(client.Object).DeepCopyObject())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(once, twice); diff != "" {
				t.Errorf("an informer may transform an object twice -once +twice:\n%s", diff)
			}
		})
	}
}

func TestProfilesShareWhatTheySayAlike(t *testing.T) {
	transform := transformOf(t, &inventoryv1alpha1.ClusterProfile{})
	var got [2]*inventoryv1alpha1.ClusterProfile
	for i := range got {
		transformed, err := transform(profileOf(fmt.Sprintf("c%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		got[i] = transformed.(*inventoryv1alpha1.ClusterProfile)
	}
	if got[0].ManagedFields[0].FieldsV1 != got[1].ManagedFields[0].FieldsV1 {
		t.Error("two sets of owned fields, and they are equal")
	}
	authority := func(p *inventoryv1alpha1.ClusterProfile) *byte {
		return unsafe.SliceData(p.Status.AccessProviders[0].Cluster.CertificateAuthorityData)
	}
	if authority(got[0]) != authority(got[1]) {
		t.Error("two certificate authorities, and they are equal")
	}
	if managers := len(got[0].ManagedFields); managers != 2 {
		t.Errorf("%d entries of managed fields; ours is needed, and that of whoever owns the display name", managers)
	}
}

// profileOf is a profile to which others have applied too.
func profileOf(name string) *inventoryv1alpha1.ClusterProfile {
	owns := func(manager, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	return &inventoryv1alpha1.ClusterProfile{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: name, Labels: map[string]string{"env": "prod"}, ManagedFields: []metav1.ManagedFieldsEntry{
			owns(profile.FieldManager, `{"f:metadata":{"f:labels":{"f:env":{}}}}`),
			owns("portal", `{"f:spec":{"f:displayName":{}}}`),
			owns("consumer", `{"f:metadata":{"f:finalizers":{".":{},"v:\"example.com/consumer\"":{}}}}`),
		}},
		Status: inventoryv1alpha1.ClusterProfileStatus{AccessProviders: []inventoryv1alpha1.AccessProvider{{
			Name:    "kubeconfig-secretreader",
			Cluster: clientcmdv1.Cluster{Server: "https://10.0.0.1:6443", CertificateAuthorityData: hub.CertificateAuthority()},
		}}},
	}
}

// transformOf is what the cache does with objects of a type.
func transformOf(t *testing.T, object client.Object) toolscache.TransformFunc {
	t.Helper()
	for of, options := range publisher.CacheOptions(nil, time.Hour).ByObject {
		if fmt.Sprintf("%T", of) == fmt.Sprintf("%T", object) {
			return options.Transform
		}
	}
	t.Fatalf("a %T is cached as it is", object)
	return nil
}
