// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package endpoint

import (
	"fmt"
	"regexp"

	"github.com/capi-inventory/capi-inventory/internal/printable"
)

// Reason says in one word why a kubeconfig was rejected: UpperCamel, stable, fit for a metric's label.
type Reason string

// Why a kubeconfig is rejected.
const (
	// Empty: there is nothing in it.
	Empty Reason = "Empty"
	// TooLarge: it is larger than 256 KiB, or would be without YAML aliases, or has more than 10,000 lines and elements.
	TooLarge Reason = "TooLarge"
	// Malformed: it is not YAML or JSON of a v1 Config.
	Malformed Reason = "Malformed"
	// NoCurrentContext: the current context is not set, or does not lead to a cluster and a user.
	NoCurrentContext Reason = "NoCurrentContext"
	// UnsupportedExtensions: it has top-level extensions, which credential plugins refuse.
	UnsupportedExtensions Reason = "UnsupportedExtensions"
	// ExecUser: its credentials come from a program.
	ExecUser Reason = "ExecUser"
	// AuthProviderUser: its credentials come from an auth-provider, which client-go has dropped.
	AuthProviderUser Reason = "AuthProviderUser"
	// FileReference: it names a file, which is another one on every machine.
	FileReference Reason = "FileReference"
	// NoCredentials: its user has no complete inline credentials.
	NoCredentials Reason = "NoCredentials"
	// InvalidServer: its server is not a usable https URL.
	InvalidServer Reason = "InvalidServer"
	// InvalidTLSServerName: its tls-server-name is neither a DNS name nor an IP address.
	InvalidTLSServerName Reason = "InvalidTLSServerName"
	// InvalidCA: its certificate authority is unusable, or contradicts insecure-skip-tls-verify.
	InvalidCA Reason = "InvalidCA"
	// InvalidProxy: its proxy-url is not a usable one, or carries a secret.
	InvalidProxy Reason = "InvalidProxy"
)

// RejectedError is why a kubeconfig cannot be published. Message names the field and what is wrong with it, quotes nothing but
// names, and is one line of at most maxMessage bytes whatever the kubeconfig holds.
type RejectedError struct {
	Reason  Reason `json:"reason"`
	Message string `json:"message"`
	// EndpointUsable says that only a reader of the kubeconfig itself is rejected: it finds no credentials that it could use.
	// One that brings its own needs no more than the endpoint, and that is good.
	EndpointUsable bool `json:"endpointUsable,omitempty"`
}

// Error implements error.
func (r *RejectedError) Error() string { return fmt.Sprintf("%s: %s", r.Reason, r.Message) }

func reject(reason Reason, format string, args ...any) *RejectedError {
	return &RejectedError{Reason: reason, Message: printable.Line(fmt.Sprintf(format, args...), maxMessage)}
}

// maxQuoted is the length in bytes of the longest name that a rejection quotes: the author of a kubeconfig chooses its names, and
// they may have any length.
const maxQuoted = 64

// maxMessage is the maximum length of a message in bytes.
const maxMessage = 512

func quotable(name string) string { return printable.Line(name, maxQuoted) }

var lineNumber = regexp.MustCompile(`\bline (\d{1,6})\b`)

// malformed keeps only the line number of a decoder's error, which may quote what it could not decode.
func malformed(err error) *RejectedError {
	if line := lineNumber.FindStringSubmatch(err.Error()); line != nil {
		return reject(Malformed, "the kubeconfig is not a v1 Config in YAML or JSON: line %s cannot be read", line[1])
	}
	return reject(Malformed, "the kubeconfig is not a v1 Config in YAML or JSON")
}
