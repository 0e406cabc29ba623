// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package publisher assembles the publisher from its parts, and adds it to a manager:
//
//	controllers/publisher ──► controllers/cluster ────► internal/publish/{source,target,state} ──► internal/publish/profile
//	                     └──► controllers/inventory ──► internal/publish/{source,state}
//
// A Cluster and everything around it becomes facts (source), the pure core decides what its profiles contain (profile), and the
// difference to what exists is applied (target). What was found out on the way (state) becomes the status of the Inventories.
//
// The tests in this folder run the whole publisher against a real API server. docs/reconcile.md lists the rules and the test of
// each.
package publisher
