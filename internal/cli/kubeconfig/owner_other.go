// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package kubeconfig

import "io/fs"

// keepOwner does nothing: owner and group are kept on Unix only.
func keepOwner(string, fs.FileInfo) error { return nil }
