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

// startupGOGC is the target of the garbage collector until everything has been listed and every Cluster has been reconciled once. Decoding
// leaves ten times as much garbage as live data, and memory returns to the machine only in whole pages, so Go's default of 100 would leave
// the heap half empty for good. It costs about 50 % more processor time during startup.
const startupGOGC = 15

// maxStartup bounds the startup: on a hub without an Inventory no Cluster is ever reconciled.
const maxStartup = 10 * time.Minute

// tuneGC keeps the heap dense until the function that it returns is called, at most for maxStartup. It does nothing if $GOGC is set.
func tuneGC() (restore func()) {
	if _, chosen := os.LookupEnv("GOGC"); chosen {
		return func() {}
	}
	afterwards := debug.SetGCPercent(startupGOGC)
	restore = sync.OnceFunc(func() { debug.SetGCPercent(afterwards) })
	time.AfterFunc(maxStartup, restore)
	return restore
}

// returnMemory returns unused memory to the machine once a minute. The publisher works in bursts (a start, a resync, a new
// Inventory) and is idle between them: by itself the runtime would keep twice the memory that is needed then.
func returnMemory(ctx context.Context) {
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
