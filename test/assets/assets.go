// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package assets knows where the binaries of a real control plane are, etcd and kube-apiserver, and gets them where they
// are not: tests and the demo run against the real thing on a machine that has no more than Go and a module proxy.
package assets

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// KubernetesVersion is the version of the API servers that tests and the demo run.
const KubernetesVersion = "v1.36.3"

// Environment is the variable that names a folder of binaries to use in place of our own (the convention of envtest).
const Environment = "KUBEBUILDER_ASSETS"

var binaries = []string{"etcd", "kube-apiserver"}

// Find returns the folder that holds the binaries: the one $KUBEBUILDER_ASSETS names, else the one `make assets` fills.
func Find() (string, error) {
	if dir := os.Getenv(Environment); dir != "" {
		if missing := missingFrom(dir); missing != "" {
			return "", fmt.Errorf("%s=%s: holds no %s", Environment, dir, missing)
		}
		return dir, nil
	}
	dir, err := cached()
	if err != nil {
		return "", err
	}
	if missing := missingFrom(dir); missing != "" {
		return "", fmt.Errorf("no %s in %s: run `make assets`", missing, dir)
	}
	return dir, nil
}

// cached is the folder of the user's cache that Provide fills: outside the checkout, so that a fresh clone finds it too.
func cached() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding a place for the test assets: %w", err)
	}
	return filepath.Join(cache, "capi-inventory", "assets", fmt.Sprintf("%s-%s-%s", KubernetesVersion, runtime.GOOS, runtime.GOARCH)), nil
}

func missingFrom(dir string) string {
	for _, name := range binaries {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return name
		}
	}
	return ""
}
