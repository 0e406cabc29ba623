// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package credential

import "os/exec"

// inGroup leaves the command as it is: without process groups, only the plugin itself is killed at the deadline.
func inGroup(*exec.Cmd) {}

func killGroup(command *exec.Cmd) { _ = command.Process.Kill() }
