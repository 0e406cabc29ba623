// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package assets

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// downloadTimeout bounds the attempt to download: a network that drops packets must not hold up the build that follows.
const downloadTimeout = 3 * time.Minute

// Provide leaves the binaries where Find finds them and returns that folder. What is there already is used; else release
// binaries are downloaded; where that is not possible, they are built from their Go modules, which takes some minutes once.
// It must run in the project's root. say receives one line for each step.
func Provide(ctx context.Context, say func(format string, args ...any)) (string, error) {
	if dir, err := Find(); err == nil || os.Getenv(Environment) != "" {
		return dir, err
	}
	dir, err := cached()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making a place for the test assets: %w", err)
	}
	say("downloading etcd and kube-apiserver 1.%s", minorVersion())
	if err := download(ctx, dir); err != nil {
		say("no download (%v): building them from their Go modules, about 4 minutes on 2 cores, once", err)
		if err := build(ctx, dir, say); err != nil {
			return "", err
		}
	}
	return Find()
}

// download lets setup-envtest fetch a release and links its binaries into dir.
func download(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	store := filepath.Join(filepath.Dir(dir), "envtest")
	setup := exec.CommandContext(ctx, "go", "tool", "-modfile=go.tools.mod", "setup-envtest", "use",
		"1."+minorVersion()+".x", "--bin-dir", store, "--print", "path")
	var stdout, stderr bytes.Buffer
	setup.Stdout, setup.Stderr = &stdout, &stderr
	if err := setup.Run(); err != nil {
		return fmt.Errorf("setup-envtest: %w: %s", err, lastLine(stderr.String()))
	}
	for _, name := range binaries {
		if err := os.Symlink(filepath.Join(strings.TrimSpace(stdout.String()), name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("linking %s: %w", name, err)
		}
	}
	return nil
}

func build(ctx context.Context, dir string, say func(string, ...any)) error {
	version := "-X k8s.io/component-base/version."
	packages := []struct{ name, path, ldflags string }{
		{name: "etcd", path: "go.etcd.io/etcd/server/v3"},
		{
			name: "kube-apiserver", path: "k8s.io/kubernetes/cmd/kube-apiserver",
			ldflags: version + "gitVersion=" + KubernetesVersion + " " + version + "gitMajor=1 " + version + "gitMinor=" + minorVersion(),
		},
	}
	for _, p := range packages {
		say("building %s", p.name)
		started := time.Now()
		// Renamed into place when whole, so that an interrupted build is not taken for a binary.
		target := filepath.Join(dir, p.name)
		compile := exec.CommandContext(ctx, "go", "build", "-C", "test/assets/kubernetes", "-trimpath",
			"-ldflags", "-s -w "+p.ldflags, "-o", target+".part", p.path)
		compile.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := compile.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", p.name, err, out)
		}
		if err := os.Rename(target+".part", target); err != nil {
			return fmt.Errorf("keeping %s: %w", p.name, err)
		}
		say("built %s in %s", p.name, time.Since(started).Round(time.Second))
	}
	return nil
}

func minorVersion() string {
	minor, _, _ := strings.Cut(strings.TrimPrefix(KubernetesVersion, "v1."), ".")
	return minor
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
