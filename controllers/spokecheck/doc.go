// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package spokecheck watches ClusterProfiles of any cluster manager, and writes a SpokeCheck for each that reports whether its
// spoke can be reached.
//
// # How it works
//
// Two parts that wait for each other as little as possible:
//
//	Reconciler  | reads profiles and writes SpokeChecks. It never dials a spoke.
//	scheduler   | decides when each spoke is probed, and how many at once. It never writes to the hub.
//
// A reconcile hands its profile to the scheduler and writes the last result to the SpokeCheck; a new result enqueues its
// profile. A write that fails is retried without another probe, and a spoke that hangs delays no write.
//
// # What it considers
//
// A change of a profile's access or health triggers a probe at once, a few times; cluster managers rewrite the rest all the time.
//
// A SpokeCheck is written when something changed, otherwise every Heartbeat, so that a reader can distinguish a current check from
// one whose consumer is gone. Several consumers may watch one fleet under different names. The first to report on a spoke owns its
// check, by the field ownership of server-side apply; another takes it over when the owner has not written for three of its own
// heartbeats.
//
// It deletes the checks of profiles that are gone itself, although they have an owner reference: there may be no garbage
// collector, and a hub that was restored from a backup may have checks without their profiles.
//
// # What it does not do
//
// It reads no Cluster and no kubeconfig, writes nothing to a ClusterProfile, and does not rely on a profile's own conditions: what no
// other consumer can do would prove nothing.
package spokecheck
