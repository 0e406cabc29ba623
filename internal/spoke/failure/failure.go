// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package failure is the error type of a check of a spoke.
//
// Three packages take part in a check: access reads the profile, credential runs the plugin, probe dials the server. Users need
// one answer from all of them: the first stage that failed, and what to do about it. All three return it as an Error.
package failure

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// MaxMessage is the length in bytes of the longest message: a spoke or a plugin may say much, a condition and an event
// should not.
const MaxMessage = 512

// Failure is the stage at which a probe stopped, and why.
type Error struct {
	// Reason is one of the reasons of api/v1alpha1 for the condition Reachable.
	Reason string
	// Message is one sentence a person can act on. It holds no time and no counter: the same trouble gives the same
	// message from probe to probe, so that telling it again is not a write.
	Message string
}

// Error implements error.
func (f *Error) Error() string { return f.Reason + ": " + f.Message }

// Fail is a failure whose message is made safe to publish with Printable.
func New(reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: Printable(fmt.Sprintf(format, args...), MaxMessage)}
}

// Of is the failure in an error, nil for no error. An error that holds none becomes one with the given reason.
func From(err error, otherwise string) *Error {
	if err == nil {
		return nil
	}
	if failure := (*Error)(nil); errors.As(err, &failure) {
		return failure
	}
	return New(otherwise, "%s", err)
}

// Printable is text from outside as one line of at most limit bytes: what cannot be printed becomes a space, runs of spaces
// become one.
func Printable(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return ' '
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit-len("…")], "") + "…"
}
