// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"fmt"
	"strings"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// MaxMessage is how many bytes the message of a problem, an Event or a condition has at most. Much of what is reported comes
// from tenants, and a condition that is too long freezes the whole status that it is part of.
const MaxMessage = 1000

// Problem is one thing that could not be published, or that consumers will stumble over.
type Problem struct {
	// Reason is one of the words in the API package.
	Reason string
	// Message says what and why, and what to do about it. It has at most MaxMessage bytes.
	Message string
}

// NewProblem makes a problem, with a message that is cut where it is too long.
func NewProblem(reason, format string, args ...any) Problem {
	return Problem{Reason: reason, Message: Bound(fmt.Sprintf(format, args...))}
}

func problem(reason, format string, args ...any) Problem { return NewProblem(reason, format, args...) }

// Bound cuts a text that is longer than MaxMessage, and says so at its end.
func Bound(text string) string {
	const cut = " … (cut)"
	if len(text) <= MaxMessage {
		return text
	}
	// What is cut in the middle of a character is no longer valid.
	return strings.ToValidUTF8(text[:MaxMessage-len(cut)], "") + cut
}

// unpublished are the reasons for which a profile is not as its Inventory wants it. All others are about a Cluster's data, of
// which as much is published as can be.
var unpublished = map[string]bool{
	v1alpha1.ProblemInvalidName:          true,
	v1alpha1.ProblemForeignProfile:       true,
	v1alpha1.ProblemClaimedByOther:       true,
	v1alpha1.ProblemNamespaceMissing:     true,
	v1alpha1.ProblemNamespaceTerminating: true,
	v1alpha1.ProblemDeletionStuck:        true,
	v1alpha1.ProblemNotWatched:           true,
	v1alpha1.ProblemProvenanceChanged:    true,
	v1alpha1.ProblemWriteRefused:         true,
	v1alpha1.ProblemPublishFailed:        true,
	v1alpha1.ProblemContested:            true,
}

// Unpublished reports whether a profile is not as its Inventory wants it because of the problem.
func (p Problem) Unpublished() bool { return unpublished[p.Reason] }

// Passing reports whether the problem ends in a moment, without any action: the publisher waits for something.
func (p Problem) Passing() bool { return p.Reason == v1alpha1.ProblemWaitingForObjects }
