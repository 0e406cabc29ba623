// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"errors"
	"fmt"
	"net"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/printable"
)

// maxMessage is how many bytes of what a spoke answers are reported.
const maxMessage = 512

// Error is why something could not be done on a spoke: a reason of the API package, and a message of one bounded line without
// credentials.
type Error struct {
	Reason  string
	Message string
}

// Error implements error.
func (f *Error) Error() string { return f.Reason + ": " + f.Message }

func fail(reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: printable.Line(fmt.Sprintf(format, args...), maxMessage)}
}

// failed turns an error of a request into an Error. A spoke may answer with the credentials that it was sent.
func (s *Spoke) failed(doing string, err error) error {
	var failure *Error
	if err == nil || errors.As(err, &failure) {
		return err
	}
	reason := v1alpha1.ReasonSpokeUnreachable
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		reason = v1alpha1.ReasonSpokeRefused
	}
	text := err.Error()
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		// Without the local port, which differs each time.
		text = fmt.Sprintf("%s %s %v: %v", op.Op, op.Net, op.Addr, op.Err)
	}
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	return fail(reason, "%s: %s", doing, text)
}
