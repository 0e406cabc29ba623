// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha2 is ClusterProfile as upstream plans its next version (cluster-inventory-api, apis/v1alpha2), for tests of hubs that
// serve it. Upstream has not released it: the facts are those of its main branch, the words are ours. Nothing but the
// CustomResourceDefinition in this folder is made of it (.ci/generate).
//
// +groupName=multicluster.x-k8s.io
// +versionName=v1alpha2
package v1alpha2
