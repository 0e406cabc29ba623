// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// NewScheme returns a scheme with ClusterProfiles in their preferred version, our own API, and whatever the functions add.
func NewScheme(add ...func(*runtime.Scheme) error) *runtime.Scheme {
	return newScheme(ClusterProfiles.Kind.GroupVersion(), add)
}

// NewSchemeFor returns what NewScheme does, with ClusterProfiles in the version to use on a hub. A scheme has one version only, so it
// is where a program that has a client finds out which one that is (client.Client.GroupVersionKindFor).
func NewSchemeFor(config *rest.Config, add ...func(*runtime.Scheme) error) *runtime.Scheme {
	return newScheme(ProfileVersion(config), add)
}

func newScheme(profiles schema.GroupVersion, add []func(*runtime.Scheme) error) *runtime.Scheme {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypes(profiles, &inventoryv1alpha1.ClusterProfile{}, &inventoryv1alpha1.ClusterProfileList{})
	metav1.AddToGroupVersion(scheme, profiles)
	for _, add := range append([]func(*runtime.Scheme) error{v1alpha1.AddToScheme}, add...) {
		// An error is a mistake of the caller's: two types of the same kind.
		utilruntime.Must(add(scheme))
	}
	return scheme
}
