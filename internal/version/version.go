// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package version says which version of the project a binary was built from.
package version

import "runtime/debug"

// value is set when a release is built: -ldflags "-X github.com/capi-inventory/capi-inventory/internal/version.value=v0.1.0".
var value string

// String returns the version that the build was given, else the one that the go command recorded (go install ...@v0.1.0), else "dev".
func String() string {
	if value != "" {
		return value
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
