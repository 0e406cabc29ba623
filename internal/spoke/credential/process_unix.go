// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package credential

import (
	"os"
	"os/exec"
	"syscall"
)

// apart gives a plugin a session of its own, and with it a process group.
func apart(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// limitMemory is for Linux only.
func limitMemory(int, int64) {}

func tookMemory(*os.ProcessState) int64 { return 0 }

func (p *process) killGroup() { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }

// await reaps the plugin. The number of its group stays taken for as long as a child of it is in the group.
func (p *process) await() { p.state, p.err = p.Wait() }

// endChildren kills the children that are in the plugin's group.
func (p *process) endChildren() { p.killGroup() }
