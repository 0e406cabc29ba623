// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// SchemeGroupVersion is the group and version of every type of this package.
	SchemeGroupVersion = schema.GroupVersion{Group: "capi-inventory.dev", Version: "v1alpha1"}

	schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)
	// AddToScheme teaches a scheme the types of this package.
	AddToScheme = schemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion,
		&Inventory{}, &InventoryList{}, &SpokeCheck{}, &SpokeCheckList{}, &AccessGrant{}, &AccessGrantList{})
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}
