// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"time"

	"github.com/google/cel-go/interpreter"
	"k8s.io/utils/clock"
)

const (
	// deadline ends an evaluation. The cost limit ends it in some tens of milliseconds of processor time, so this is for what
	// nobody has thought of, on a machine that is very busy.
	deadline = 5 * time.Second
	// checkFrequency is how many steps of loops there are between two looks at the clock.
	checkFrequency = 100
	// interrupted is the name under which cel-go asks, at each step of a loop, whether to stop.
	interrupted = "#interrupted"
)

// activation holds the variables of one evaluation, and its deadline.
type activation struct {
	objects map[string]any
	clock   clock.PassiveClock
	// started is when the first loop was at its first check: what is not in a loop is bounded by the length of the source.
	started time.Time
	checks  int
	expired bool
}

func newActivation(objects map[string]any, clock clock.PassiveClock) *activation {
	return &activation{objects: objects, clock: clock}
}

// ResolveName implements interpreter.Activation.
func (a *activation) ResolveName(name string) (any, bool) {
	switch name {
	case interrupted:
		return a.interrupted(), true
	case Cluster, ControlPlane, Infrastructure:
		if object := a.objects[name]; object != nil {
			return object, true
		}
		return map[string]any{}, true
	}
	return nil, false
}

// Parent implements interpreter.Activation.
func (a *activation) Parent() interpreter.Activation { return nil }

func (a *activation) interrupted() bool {
	a.checks++
	switch {
	case a.expired:
	case a.checks == 1:
		a.started = a.clock.Now()
	case a.checks%checkFrequency == 0:
		a.expired = a.clock.Since(a.started) > deadline
	}
	return a.expired
}
