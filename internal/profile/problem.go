// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import "fmt"

// Problem is one thing that could not be published, or that consumers will stumble over.
type Problem struct {
	// Reason is one of the words in the API package.
	Reason string
	// Message says what and why, and what to do about it.
	Message string
}

func problem(reason, format string, args ...any) Problem {
	return Problem{Reason: reason, Message: fmt.Sprintf(format, args...)}
}
