// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// apart gives a plugin its own session. Its children are in it unless they leave it on purpose, and none of them can enter ours.
func apart(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// limitMemory limits the memory of a process, and of each that it starts from now on. Go cannot set the limit before the plugin starts; what
// is large comes later. A plugin that runs as another user has no limit.
func limitMemory(pid int, bytes int64) {
	if bytes > 0 {
		limit := uint64(bytes)
		_ = unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: limit, Max: limit}, nil)
	}
}

// tookMemory returns how much memory in bytes a process that has ended had at most.
func tookMemory(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss << 10
}

// killGroup kills the plugin and those of its children that are in its process group. The plugin must not have been reaped.
func (p *process) killGroup() { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }

// await waits until the plugin has ended, and does not reap it: until then its PID, and so that of its group and session, is not reused.
func (p *process) await() {
	for {
		if err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// endChildren kills what is left in the plugin's session. Its group is killed first, which is cheap; the search finds processes in other
// groups, such as jobs of a shell.
func (p *process) endChildren() {
	p.killGroup()
	until(func() bool {
		gone := true
		for _, other := range processes() {
			if other.session == p.Pid && other.pid != p.Pid && !other.zombie {
				gone = false
				kill(other)
			}
		}
		return gone
	})
}

// kill kills a process, unless its PID was reused since it was listed.
func kill(seen stat) {
	process, err := os.FindProcess(seen.pid)
	if err != nil {
		return
	}
	defer func() { _ = process.Release() }()
	if now, ok := statOf(seen.pid); ok && now.started == seen.started {
		_ = process.Kill()
	}
}

// killTimeout is how long a process that was killed may take to end. Only one that waits for a disk or a file server needs more, and it
// must not delay other spokes.
const killTimeout = 5 * time.Second

// until calls done until it returns true or killTimeout has passed.
func until(done func() bool) {
	enough := time.NewTimer(killTimeout)
	defer enough.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-enough.C:
			return
		}
	}
}
