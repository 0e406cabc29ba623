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
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// failed turns an error of a request into a failure.Error. A spoke may answer with the credentials that it was sent.
func (s *Spoke) failed(doing string, err error) error {
	if known := (*failure.Error)(nil); err == nil || errors.As(err, &known) {
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
	return failure.New(reason, "%s: %s", doing, text)
}
