// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package failure is the error type of what users are to know about: why a check of a spoke, or an AccessGrant, failed.
//
// Three packages take part in a check: access reads the profile, credential runs the plugin, probe dials the server. Users need
// one answer from all of them: the first stage that failed, and what to do about it. All three return it as an Error, and so does
// what the broker does on a spoke and on the hub.
package failure

import (
	"errors"
	"fmt"

	"github.com/capi-inventory/capi-inventory/internal/printable"
)

// MaxMessage is the maximum length of a message in bytes: spokes and plugins may write more than fits into a condition or an Event.
const MaxMessage = 512

// Error is why a check or a grant failed.
type Error struct {
	// Reason is one of the reasons of api/v1alpha1: for the condition Reachable of a SpokeCheck, or one of an AccessGrant.
	Reason string
	// Message is one sentence that a user can act on. It has no time and no counter: the same problem has the same message in every
	// attempt, so that it is not written again.
	Message string
}

// Error implements error.
func (f *Error) Error() string { return f.Reason + ": " + f.Message }

// New returns an error whose message is made safe to publish by printable.Line.
func New(reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: printable.Line(fmt.Sprintf(format, args...), MaxMessage)}
}

// From returns the Error in an error; nil for no error. Any other error becomes one with the given reason.
func From(err error, otherwise string) *Error {
	if err == nil {
		return nil
	}
	if failure := (*Error)(nil); errors.As(err, &failure) {
		return failure
	}
	return New(otherwise, "%s", err)
}
