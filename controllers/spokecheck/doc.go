// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package spokecheck watches ClusterProfiles, of whatever cluster manager, and keeps a SpokeCheck beside each that says
// whether the spoke can be reached with it.
//
// # How it works
//
// Two halves that wait for each other as little as possible:
//
//	Reconciler  | talks to the hub: which profiles are there, what their SpokeChecks say. It never dials a spoke.
//	scheduler   | talks to the spokes: when each is due, how many at once. It never writes to the hub.
//
// A reconcile hands its profile to the scheduler and writes the last result to the SpokeCheck; a new result enqueues its
// profile. A hub that refuses a write is retried without a spoke being asked
// again, and a spoke that hangs holds up no write.
//
// # What it considers
//
// What a profile says of access and of health makes a spoke due at once, a few times; cluster managers rewrite the rest all
// the time.
//
// A SpokeCheck is written when something changed, otherwise every Heartbeat, so that a reader can tell a check that holds
// from a consumer that has died. Several consumers may watch one fleet under different names. The first to report on a spoke
// holds its check, by the field ownership of server-side apply; another takes it over when the holder has been silent for
// three of its own heartbeats.
//
// It removes the checks of profiles that are gone by itself, although they have an owner reference: there may be no
// garbage collector, and a hub backed up and restored elsewhere may bring checks without their profiles.
//
// # What it does not do
//
// It reads no Cluster and no kubeconfig, writes nothing to a ClusterProfile, and takes a profile's own conditions for
// nothing: a shortcut that no other consumer has would prove nothing.
package spokecheck
