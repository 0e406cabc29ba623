// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package commandline

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilHangup returns a context that also ends when the terminal is closed, and makes a write to a closed pipe return an error. By default
// either kills the process, which then leaves its temporary files behind. stop restores the default for a closed terminal.
func UntilHangup(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	// Nobody reads the channel. signal.Ignore would do the same, but credential plugins would inherit it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if signal.Ignored(syscall.SIGHUP) {
		// The program was started by nohup.
		return parent, func() {}
	}
	return signal.NotifyContext(parent, syscall.SIGHUP)
}
