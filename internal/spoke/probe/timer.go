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

var order = []string{
	stepResolve, stepConnect, stepProxyTLS, stepProxy, stepTLS, stepReady, stepVersion, stepWhoAmI, stepPermissions, stepIdentity,
}

// dialled are the steps whose deadlines the dialer enforces, because it alone knows the errors so far when they are reached.
var dialled = []string{stepResolve, stepConnect, stepProxyTLS}

// errDeadline is the cause of the cancellation of a request whose step took too long, errTooLong if the whole probe did.
var (
	errDeadline = errors.New("deadline of a step")
	errTooLong  = errors.New("deadline of a probe")
)

// stepTimer gives each step of a probe its own deadline, although one request covers several of them: entering a step restarts the
// timer. It may be entered from the transport's goroutines.
type stepTimer struct {
	timeout time.Duration

	mu sync.Mutex
	// current is the running step; last is that one or, between two, the one before.
	current, last string
	since         time.Time
	times         map[string]time.Duration
	timer         *time.Timer
	end           context.CancelCauseFunc
}

// start returns the context of one request, whose first step is the named one. The function must be called when the request has ended.
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

// leave ends the current step. A step that is entered several times counts as one. The caller must hold mu.
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

// at returns the current step, or the last one.
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
