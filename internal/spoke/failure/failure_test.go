// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package failure_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

func TestFrom(t *testing.T) {
	inner := failure.New("Inner", "because of %s", strings.Repeat("x", 2*failure.MaxMessage))
	if len(inner.Message) > failure.MaxMessage {
		t.Errorf("a message of %d bytes", len(inner.Message))
	}
	if got := failure.From(fmt.Errorf("wrapped: %w", inner), "Other"); got != inner {
		t.Errorf("a failure is not found below its wrapping: %v", got)
	}
	if got := failure.From(errors.New("unforeseen"), "Other"); got.Error() != "Other: unforeseen" {
		t.Errorf("an error without a reason: %v", got)
	}
	if failure.From(nil, "Other") != nil {
		t.Error("no error became a failure")
	}
}
