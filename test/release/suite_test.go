// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build release

// Package release_test builds all files of a release with `make release-snapshot`, checks what is in them, and installs the chart from a
// registry. It takes many minutes, as every program is compiled for every platform, so `make test-release` runs it and `make test` does
// not.
package release_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	root    = "../.."
	out     = root + "/out"
	version = "v0.0.0-test.1"
)

// program is one that a release has archives of.
type program struct {
	name string
	// systems are its values of GOOS.
	systems []string
}

var (
	architectures = []string{"amd64", "arm64"}
	programs      = []program{
		{"publisher", []string{"linux"}},
		{"consumer", []string{"linux"}},
		{"broker", []string{"linux"}},
		{"kubectl-inventory", []string{"darwin", "linux", "windows"}},
		{"serviceaccount-token", []string{"darwin", "linux", "windows"}},
	}
)

// build is a program for one platform.
type build struct {
	program, system, architecture string
}

func builds() []build {
	var all []build
	for _, program := range programs {
		for _, system := range program.systems {
			for _, architecture := range architectures {
				all = append(all, build{program.name, system, architecture})
			}
		}
	}
	return all
}

// String returns what the names of its files begin with.
func (b build) String() string { return b.program + "-" + b.system + "-" + b.architecture }

func (b build) archive() string {
	if b.system == "windows" {
		return b.String() + ".zip"
	}
	return b.String() + ".tar.gz"
}

func (b build) binary() string {
	if b.system == "windows" {
		return b.program + ".exe"
	}
	return b.program
}

func TestMain(m *testing.M) {
	if err := snapshot(root); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// snapshot writes the files of a release into the folder out of a checkout.
func snapshot(checkout string) error {
	command := exec.Command("make", "release-snapshot", "VERSION="+version, "RELEASE="+version)
	command.Dir, command.Stdout, command.Stderr = checkout, os.Stderr, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("make release-snapshot in %s: %w", checkout, err)
	}
	return nil
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// names returns the names of the files in a folder, in their order.
func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found
}

// git returns what git prints about the checkout.
func git(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "git", args...)
	command.Dir, command.Stderr = root, os.Stderr
	printed, err := command.Output()
	if err != nil {
		t.Fatalf("git %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(printed))
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return full
}
