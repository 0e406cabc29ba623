// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package cluster publishes Clusters as ClusterProfiles, and withdraws them. It decides what happens to which profile; what it
// decides on is read by internal/publish/source, what a profile contains is computed by internal/publish/profile, and every write
// is made by internal/publish/target.
//
// # How it works
//
// There are two controllers:
//
//   - The controller of Clusters (reconciler.go) reconciles one Cluster with its profiles: it publishes it in every Inventory that
//     has a claim (claims.go, publish.go), and deletes every other profile of it (withdraw.go). Of Clusters outside the scope
//     (scope.go) it leaves the profiles as they are (unwatched.go). All that can change a profile is watched (watches.go).
//   - The controller of stray profiles (strays.go) decides on profiles whose provenance another writer has changed, and which no
//     Cluster leads to any more.
//
// Both record what they find out in internal/publish/state, from which controllers/inventory reports it.
//
// # Considerations
//
//   - A profile is written only if the publisher owns it by manager and provenance, and deleted only then. A Cluster or an Inventory
//     that is not in the cache is looked up on the API server before anything is deleted for that reason.
//   - There is no finalizer on Clusters: clusterctl move strips them, and a deleted Cluster is noticed without.
package cluster
