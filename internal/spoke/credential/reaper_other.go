// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package credential

import "os"

// Reaper would end processes that plugins leave behind outside their process groups. They cannot be found on this system.
type Reaper struct{}

// NewReaper returns a Reaper that does nothing.
func NewReaper() (*Reaper, error) { return &Reaper{}, nil }

func (r *Reaper) start(start func() (*os.Process, error)) error {
	_, err := start()
	return err
}

func (r *Reaper) end(plugin *process) error { return plugin.reap() }
