// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Command roots prints Mozilla's root certificates, as the Go project packs them, in PEM. They go into the consumer's image
// as a file and not into the binary, because credential plugins, which are other programs, need them too.
//
// It is a module of its own: nothing that runs on a hub depends on the list, and dependency bots can keep it fresh.
package main

import (
	"encoding/pem"
	"fmt"
	"os"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

func main() {
	for root := range bundle.Roots() {
		// Roots that are trusted only within limits, such as a last date of issue: a file cannot state the limits.
		if root.Constraint != nil {
			continue
		}
		if err := pem.Encode(os.Stdout, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			fmt.Fprintln(os.Stderr, "roots:", err)
			os.Exit(1)
		}
	}
}
