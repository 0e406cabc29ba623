// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// generate builds the kubectl plugin for every platform and writes its archives and its krew manifest into a folder. It runs
// in the root of the project.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/capi-inventory/capi-inventory/internal/krew"
)

// stamp is where the plugin finds its version.
const stamp = "github.com/capi-inventory/capi-inventory/internal/version.value"

func main() {
	version := flag.String("version", "", "Version of the release, such as v0.1.0.")
	dir := flag.String("dir", filepath.Join("bin", "krew"), "Folder to write to.")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *version, *dir)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "krew:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, version, dir string) error {
	// A version that cannot be is told before minutes have gone into building.
	if _, err := krew.Manifest(version, nil); err != nil {
		return err
	}
	licence, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	archives := map[krew.Platform][]byte{}
	for _, platform := range krew.Platforms {
		binary, err := build(ctx, platform, version)
		if err != nil {
			return err
		}
		archive, err := krew.Archive(binary, licence)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, platform.ArchiveName()), archive, 0o644); err != nil {
			return err
		}
		archives[platform] = archive
	}
	manifest, err := krew.Manifest(version, archives)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, krew.ManifestName), manifest, 0o644)
}

// build returns the plugin as a program for a platform.
func build(ctx context.Context, platform krew.Platform, version string) (binary []byte, err error) {
	dir, err := os.MkdirTemp("", "krew-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, krew.Binary)
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w -X "+stamp+"="+version, "-o", path, "./cmd/"+krew.Binary)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+platform.OS, "GOARCH="+platform.Arch)
	if out, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building for %s/%s: %w\n%s", platform.OS, platform.Arch, err, out)
	}
	return os.ReadFile(path)
}
