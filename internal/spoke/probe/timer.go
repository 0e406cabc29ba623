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
	StepResolve     = "resolve"
	StepConnect     = "connect"
	StepProxyTLS    = "proxy-tls"
	StepProxy       = "proxy"
	StepTLS         = "tls"
	StepReady       = "readyz"
	StepVersion     = "version"
	StepWhoAmI      = "whoami"
	StepPermissions = "permissions"
	StepIdentity    = "identity"
)

var order = []string{
	StepResolve, StepConnect, StepProxyTLS, StepProxy, StepTLS, StepReady, StepVersion, StepWhoAmI, StepPermissions, StepIdentity,
}

// dialerSteps are those whose deadlines the dialer enforces, because it alone knows the errors so far when they are reached.
var dialerSteps = []string{StepResolve, StepConnect, StepProxyTLS}

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
func (t *stepTimer) start(ctx context.Context, step string) (context.Context, func()) {
	ctx, end := context.WithCancelCause(ctx)
	t.mu.Lock()
	t.end = end
	t.mu.Unlock()
	t.enter(step)
	return ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.leave()
		t.end = nil
		end(nil)
	}
}

// enter ends the current step and begins the next. Entering the current step again changes nothing: a host with several
// addresses has one deadline for all of them.
func (t *stepTimer) enter(step string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.end == nil || t.current == step {
		return
	}
	t.leave()
	t.current, t.last, t.since = step, step, time.Now()
	if slices.Contains(dialerSteps, step) {
		return
	}
	end := t.end
	t.timer = time.AfterFunc(t.timeout, func() { end(fmt.Errorf("%w: %s", errDeadline, step)) })
}

// leave ends the current step. A step that is entered several times counts as one. The caller must hold mu.
func (t *stepTimer) leave() {
	if t.current == "" {
		return
	}
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
	if t.times == nil {
		t.times = map[string]time.Duration{}
	}
	t.times[t.current] += time.Since(t.since)
	t.current = ""
}

// at returns the current step, or the last one.
func (t *stepTimer) at() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

func (t *stepTimer) took() []Step {
	t.mu.Lock()
	defer t.mu.Unlock()
	var steps []Step
	for _, name := range order {
		if took, taken := t.times[name]; taken {
			steps = append(steps, Step{Name: name, Took: took})
		}
	}
	return steps
}
