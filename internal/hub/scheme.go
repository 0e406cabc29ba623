// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// NewScheme returns a scheme with ClusterProfiles, our own API, and whatever the functions add.
func NewScheme(add ...func(*runtime.Scheme) error) *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range append([]func(*runtime.Scheme) error{inventoryv1alpha1.AddToScheme, v1alpha1.AddToScheme}, add...) {
		// An error is a mistake of the caller's: two types of the same kind.
		utilruntime.Must(add(scheme))
	}
	return scheme
}
