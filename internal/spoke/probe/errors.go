// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
)

// alert returns the text of the other side's TLS alert in an error; empty if there is none.
func alert(err error) string {
	if remote := (*net.OpError)(nil); errors.As(err, &remote) && remote.Op == "remote error" {
		return strings.TrimPrefix(remote.Err.Error(), "tls: ")
	}
	return ""
}

// names lists the names of a certificate; some have hundreds.
func names(certificate *x509.Certificate) string {
	all := slices.Clone(certificate.DNSNames)
	for _, ip := range certificate.IPAddresses {
		all = append(all, ip.String())
	}
	switch {
	case len(all) == 0:
		return "no name at all"
	case len(all) > 4:
		return fmt.Sprintf("%s and %d more", strings.Join(all[:4], ", "), len(all)-4)
	default:
		return strings.Join(all, ", ")
	}
}

// interrupted reports whether the other side closed the connection.
func interrupted(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE)
}

// timedOut reports whether a connection, or all that were tried, reached its own deadline.
func timedOut(err error) bool {
	var deadline net.Error
	return errors.As(err, &deadline) && deadline.Timeout()
}

// innermost returns the error below all wrappings: what the outer ones add, such as the ports of a connection, changes from probe
// to probe.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
