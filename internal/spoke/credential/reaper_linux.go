// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Reaper ends and reaps processes that plugins leave behind outside their sessions. The first process of a container is the parent of
// all orphans in it, and orphans that are not reaped use up the container's PIDs until no plugin can be started. A nil Reaper does
// nothing.
type Reaper struct {
	mu sync.Mutex
	// running are the plugins that have not been reaped, with their start.
	running map[int]uint64
	// killed are orphans that were killed and have not ended yet, with their start.
	killed  map[int]uint64
	session int
}

// NewReaper makes this process the parent of all orphans that descend from it, as the first process of a container is anyway.
func NewReaper() (*Reaper, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("becoming the reaper of plugins' orphans: %w", err)
	}
	session, err := unix.Getsid(0)
	if err != nil {
		return nil, fmt.Errorf("asking for the session: %w", err)
	}
	return &Reaper{running: map[int]uint64{}, killed: map[int]uint64{}, session: session}, nil
}

// start starts a plugin. Nothing is swept before the plugin is recorded.
func (r *Reaper) start(start func() (*os.Process, error)) error {
	if r == nil {
		_, err := start()
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	process, err := start()
	if err == nil {
		began, _ := statOf(process.Pid)
		r.running[process.Pid] = began.started
	}
	return err
}

// end reaps a plugin that has ended, and what it has left behind. It returns how the plugin ended.
func (r *Reaper) end(plugin *process) error {
	if r == nil {
		return plugin.reap()
	}
	err := r.reap(plugin)
	waiting := map[int]bool{}
	until(func() bool { return r.sweep(waiting) })
	return err
}

// reap reaps a plugin. No other one is started meanwhile: it may get the same PID.
func (r *Reaper) reap(plugin *process) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, plugin.Pid)
	return plugin.reap()
}

// sweep reaps orphans that have ended and kills those of plugins that have ended. It reports whether there is nothing to wait for: the
// children of an orphan become ours when it ends. Only the caller that kills an orphan waits for it.
//
// A child in our own session does not belong to a plugin: plugins have their own sessions, and cannot return to ours. It was started by
// another part of this process, such as the login to the hub, which waits for it.
func (r *Reaper) sweep(waiting map[int]bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	clean := true
	for _, child := range processes() {
		if child.parent != os.Getpid() || child.session == r.session {
			continue
		}
		if _, plugin := r.running[child.pid]; plugin {
			continue
		}
		switch {
		case child.zombie:
			clean = false
			delete(r.killed, child.pid)
			_, _ = syscall.Wait4(child.pid, nil, syscall.WNOHANG, nil)
		case r.killed[child.pid] == child.started:
			clean = clean && !waiting[child.pid]
		case !r.mayBelong(child):
			clean = false
			r.killed[child.pid], waiting[child.pid] = child.started, true
			_ = syscall.Kill(child.pid, syscall.SIGKILL)
		}
	}
	return clean
}

// mayBelong reports whether an orphan may belong to a running plugin: by its session, or because it has left that and was started when
// such a plugin ran. Each plugin ends at its deadline, so an orphan does not live for longer than that.
func (r *Reaper) mayBelong(orphan stat) bool {
	for plugin, began := range r.running {
		if orphan.session == plugin || orphan.started >= began {
			return true
		}
	}
	return false
}
