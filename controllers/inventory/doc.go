// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package inventory reports what came of each Inventory in its status, and holds a deleted one, by a finalizer, until its profiles
// are gone. It publishes and withdraws nothing: that is done by controllers/cluster, whose results it reads (internal/publish/state).
//
// A summary reads the results of every Cluster, and a pass over ten thousand Clusters changes the results ten thousand times. So
// changes are debounced, by more where a summary takes longer (watches.go).
package inventory
