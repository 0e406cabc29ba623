// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package state holds what the publisher's controllers have to remember between two reconciles: what was found out about each
// Cluster, which profiles exist, which Clusters wait for one, and since when an event about a Cluster waits. All of it is in memory
// and is built up again after a start; nothing here reads or writes the hub.
//
// The state carries what one controller learns to another one:
//
//	controllers/cluster ──► Results, ProfileIndex ──► controllers/inventory
//	                                └ Changed() ────► (an event for each Inventory)
//
// All methods may be called from several goroutines.
package state
