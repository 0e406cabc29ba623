// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package credential

import (
	"os/exec"
	"syscall"
)

// inGroup gives a command a process group of its own, and has the whole group killed when its context ends: a shell script
// that waits for a child would otherwise leave the child behind.
func inGroup(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error {
		killGroup(command)
		return nil
	}
}

// killGroup kills what is left of a command's process group. It may be called as long as the command or a child of it
// lives: after that, the group's number may be somebody else's.
func killGroup(command *exec.Cmd) {
	_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
}
