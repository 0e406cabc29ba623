// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package target writes ClusterProfiles. It is the only package of the publisher that does, so that every write obeys the same
// rules. (The broker writes properties, under a field manager of its own: controllers/accessgrant/write_profile_status.go.)
//
//   - Nothing is written that would change nothing, after a restart too: what managedFields say the publisher owns is compared
//     with what is wanted.
//   - Every write is for the resourceVersion that was read, and a deletion for the UID too.
//   - From the read to the last write a profile is locked: two Clusters may want one name.
//   - A reconcile that does not see its last write waits for the cache, and reads the API server in the end.
//   - A profile is written as often as KEP-4322 permits; a changed access is not held up by that.
//
// Whether a profile may be written or deleted at all is decided by the caller.
package target
