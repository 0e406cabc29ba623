// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// run runs a command in the root of the repository, with env added to the environment, and returns what it prints.
func run(ctx context.Context, env []string, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Env = root, append(os.Environ(), env...)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return strings.TrimSpace(stdout.String()), nil
}

// tool runs one of the tools that go.tools.mod pins, with env added to the environment. Of the user's own configuration, that of
// clusterctl counts: it may say where releases come from. That of Helm does not.
func tool(ctx context.Context, env []string, name string, args ...string) (string, error) {
	path, err := run(ctx, nil, "go", "tool", "-modfile=go.tools.mod", "-n", name)
	if err != nil {
		return "", fmt.Errorf("building %s: %w", name, err)
	}
	home, err := os.MkdirTemp("", "e2e-"+name+"-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(home)
	env = append([]string{"HELM_CACHE_HOME=" + home, "HELM_CONFIG_HOME=" + home, "HELM_DATA_HOME=" + home}, env...)
	return run(ctx, env, path, args...)
}
