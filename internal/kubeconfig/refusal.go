// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package kubeconfig

import (
	"fmt"
	"regexp"
)

// Reason says in one word why a kubeconfig was refused: UpperCamel, stable, fit for a metric's label.
type Reason string

// Why a kubeconfig is refused.
const (
	// Empty: there is nothing in it.
	Empty Reason = "Empty"
	// TooLarge: it is larger than MaxSize.
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
	// InvalidCA: its certificate authority is unusable, or contradicts insecure-skip-tls-verify.
	InvalidCA Reason = "InvalidCA"
	// InvalidProxy: its proxy-url is not a usable one, or carries a secret.
	InvalidProxy Reason = "InvalidProxy"
)

// Refusal is why a kubeconfig has no endpoint to publish. Message names the field and what is wrong with it, and quotes
// nothing but names.
type Refusal struct {
	Reason  Reason `json:"reason"`
	Message string `json:"message"`
}

// Error implements error.
func (r *Refusal) Error() string { return fmt.Sprintf("%s: %s", r.Reason, r.Message) }

func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

var lineNumber = regexp.MustCompile(`\bline (\d+)`)

// malformed keeps only the line number of a decoder's error, which may quote what it could not decode.
func malformed(err error) *Refusal {
	if line := lineNumber.FindStringSubmatch(err.Error()); line != nil {
		return refuse(Malformed, "the kubeconfig is not a v1 Config in YAML or JSON: line %s cannot be read", line[1])
	}
	return refuse(Malformed, "the kubeconfig is not a v1 Config in YAML or JSON")
}
