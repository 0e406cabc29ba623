// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is what capi-inventory promises its readers: the Inventory, AccessGrant and SpokeCheck APIs, and the names, condition types and
// reasons that it writes into the ClusterProfiles of SIG-Multicluster (KEP-4322).
//
// The publisher and the consumer share nothing but this package: the publisher speaks through ClusterProfiles alone, and the
// consumer reads them as any other consumer would.
//
// +kubebuilder:object:generate=true
// +groupName=capi-inventory.dev
package v1alpha1
