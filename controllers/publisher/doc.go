// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package publisher publishes Clusters as ClusterProfiles. It is a thin shell: it gathers the facts about a Cluster, asks
// the pure core (internal/publish/profile) what its profiles say, and applies that with two server-side applies, one for the profile
// and one for its status.
//
// # What happens when
//
// Three reconcilers share what they know:
//
//   - reconciler.go: one Cluster → its profiles, in every Inventory that wants it (decide.go), and none elsewhere
//     (withdraw.go). Everything that can change a profile is watched (watches.go): nothing is polled but Secrets that Cluster
//     API's label does not mark (secrets.go), and whether Cluster API itself runs (liveness.go).
//   - strays.go: one profile whose provenance another writer has changed, and which no Cluster leads to any more.
//   - inventory.go: one Inventory → its status, from what the first reconciler has found out about each Cluster (ledger.go)
//     and the profiles that exist (provenance.go).
//
// # Considerations
//
//   - What the live profile says we own is compared with what we want (internal/publish/ssa), so that nothing is written when
//     nothing changed, after a restart too.
//   - A profile is written only where it is ours by manager and provenance, and deleted only so, and with the UID and
//     resourceVersion of the object that was judged. A Cluster or an Inventory that seems gone is looked up live before
//     anything is deleted on that ground.
//   - There is no finalizer on Clusters: clusterctl move strips them, and a deleted Cluster is noticed without.
//   - Private keys and tokens do not get into the cache: the Secret informer keeps endpoints only (cache.go).
package publisher
