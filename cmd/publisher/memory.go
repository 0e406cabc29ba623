// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// atStart is how much the heap may grow, in percent, before garbage is collected until every Cluster has been looked at. What
// stays is decoded amid ten times as much that does not, and memory is given back in whole pages only: at Go's 100 percent,
// half of what the publisher needs for ever would be the gaps between. It costs half of the start's processor time again.
const atStart = 15

// startLasts bounds the start: on a hub without an Inventory nobody looks at Clusters.
const startLasts = 10 * time.Minute

// saveMemory keeps the heap dense until the function that it returns is called, or for as long as a start may last. $GOGC
// overrides both.
func saveMemory() (settled func()) {
	if _, chosen := os.LookupEnv("GOGC"); chosen {
		return func() {}
	}
	afterwards := debug.SetGCPercent(atStart)
	settled = sync.OnceFunc(func() { debug.SetGCPercent(afterwards) })
	time.AfterFunc(startLasts, settled)
	return settled
}

// giveMemoryBack returns, once a minute, what is no longer used to the machine. The publisher works in bursts (a start, a
// resync, a new Inventory) and rests between: by itself the runtime would keep twice of what the rest needs.
func giveMemoryBack(ctx context.Context) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			debug.FreeOSMemory()
		}
	}
}
