// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package source reads what profiles are made of: the Inventories (inventories.go), and the facts about a Cluster (facts.go), which
// are its kubeconfig Secrets (kubeconfigs.go), the objects that it refers to (references.go), what a consumer reports of it
// (spoke_checks.go) and whether Cluster API runs at all (liveness.go). It writes nothing.
//
// Everything is watched, and a change reconciles the Clusters that it concerns. Two things cannot be watched and are polled: Secrets
// without Cluster API's label, which must not get into the cache, and the Leases of Cluster API, whose every renewal would be an
// event.
//
// An object that has not been seen yet does not count as absent: what is published of it stays.
package source
