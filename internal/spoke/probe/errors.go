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

// alert is the text of the other side's TLS alert in an error; empty where there is none.
func alert(err error) string {
	if remote := (*net.OpError)(nil); errors.As(err, &remote) && remote.Op == "remote error" {
		return strings.TrimPrefix(remote.Err.Error(), "tls: ")
	}
	return ""
}

// names lists what a certificate is for: some certificates are for hundreds of names.
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

// interrupted says whether the other side hung up.
func interrupted(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// timedOut says whether a connection, or all of those that were tried, reached its own deadline.
func timedOut(err error) bool {
	var deadline net.Error
	return errors.As(err, &deadline) && deadline.Timeout()
}

// innermost is the error below all wrappings: what the outer ones add, the ports of a connection above all, changes from
// probe to probe.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
