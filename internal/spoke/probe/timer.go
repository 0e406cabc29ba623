// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// The steps of a probe, in order; they label the metric of the same name.
const (
	stepResolve     = "resolve"
	stepConnect     = "connect"
	stepProxyTLS    = "proxy-tls"
	stepProxy       = "proxy"
	stepTLS         = "tls"
	stepReady       = "readyz"
	stepVersion     = "version"
	stepWhoAmI      = "whoami"
	stepPermissions = "permissions"
	stepIdentity    = "identity"
)

var order = []string{stepResolve, stepConnect, stepProxyTLS, stepProxy, stepTLS, stepReady, stepVersion, stepWhoAmI, stepPermissions, stepIdentity}

// dialled are the steps whose deadlines the dialer keeps, because it alone knows what it has met when they are reached.
var dialled = []string{stepResolve, stepConnect, stepProxyTLS}

// errDeadline is the cause of a request's end where a step took too long, errTooLong where the whole probe did.
var (
	errDeadline = errors.New("deadline of a step")
	errTooLong  = errors.New("deadline of a probe")
)

// watch gives each step of a probe its own deadline, although one request covers several of them: entering a step starts
// the time anew. It may be entered from the transport's goroutines.
type stepTimer struct {
	timeout time.Duration

	mu sync.Mutex
	// current is the step that is being taken; last is that one or, between two, the one before.
	current, last string
	since         time.Time
	times         map[string]time.Duration
	timer         *time.Timer
	end           context.CancelCauseFunc
}

// start returns the context of one request, whose first step is the named one. stop must be called at the request's end.
func (w *stepTimer) start(ctx context.Context, step string) (context.Context, func()) {
	ctx, end := context.WithCancelCause(ctx)
	w.mu.Lock()
	w.end = end
	w.mu.Unlock()
	w.enter(step)
	return ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.leave()
		w.end = nil
		end(nil)
	}
}

// enter ends the current step and begins the next. Entering the current step again changes nothing: a host with several
// addresses has one deadline for all of them.
func (w *stepTimer) enter(step string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.end == nil || w.current == step {
		return
	}
	w.leave()
	w.current, w.last, w.since = step, step, time.Now()
	if slices.Contains(dialled, step) {
		return
	}
	end := w.end
	w.timer = time.AfterFunc(w.timeout, func() { end(fmt.Errorf("%w: %s", errDeadline, step)) })
}

// leave must be called with the lock held. A step that is taken several times counts as one.
func (w *stepTimer) leave() {
	if w.current == "" {
		return
	}
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	if w.times == nil {
		w.times = map[string]time.Duration{}
	}
	w.times[w.current] += time.Since(w.since)
	w.current = ""
}

// at is the step that the probe is in, or that it was in last.
func (w *stepTimer) at() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

func (w *stepTimer) took() []Step {
	w.mu.Lock()
	defer w.mu.Unlock()
	var steps []Step
	for _, name := range order {
		if took, taken := w.times[name]; taken {
			steps = append(steps, Step{Name: name, Took: took})
		}
	}
	return steps
}
