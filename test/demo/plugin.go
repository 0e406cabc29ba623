// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// inventory runs `kubectl inventory` as a person would and shows what it prints. Its exit code 1 is an answer: no.
func (t *theatre) inventory(ctx context.Context, args ...string) error {
	fmt.Printf("\n$ kubectl inventory %s\n", strings.Join(args, " "))
	plugin := exec.CommandContext(ctx, filepath.Join("bin", "kubectl-inventory"), args...)
	plugin.Env = append(os.Environ(), "KUBECONFIG="+t.kubeconfig, "KUBECTL_INVENTORY_PROVIDERS="+t.providers(), "NO_COLOR=1")
	plugin.Stdout, plugin.Stderr = os.Stdout, os.Stdout
	var exit *exec.ExitError
	if err := plugin.Run(); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return fmt.Errorf("running kubectl inventory %s: %w", args[0], err)
	}
	return nil
}
