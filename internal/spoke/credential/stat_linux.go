// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// stat is the state of a process.
type stat struct {
	pid, parent, session int
	zombie               bool
	// started is when it was started, in ticks since the machine was. With the PID it identifies a process.
	started uint64
}

// processes returns all visible processes; none if /proc is not that of our own namespace.
func processes() []stat {
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []stat
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if process, ok := statOf(pid); ok {
			all = append(all, process)
		}
	}
	return all
}

// statOf reads /proc/PID/stat, see proc_pid_stat(5).
func statOf(pid int) (stat, bool) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, false
	}
	// The second field is the program's name, in brackets, and may hold anything.
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	const state, parent, session, started = 0, 1, 3, 19
	if len(fields) <= started {
		return stat{}, false
	}
	process := stat{pid: pid, zombie: fields[state] == "Z"}
	var errs [3]error
	process.parent, errs[0] = strconv.Atoi(fields[parent])
	process.session, errs[1] = strconv.Atoi(fields[session])
	process.started, errs[2] = strconv.ParseUint(fields[started], 10, 64)
	return process, errs == [3]error{}
}
