// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package credential

import (
	"os"
	"os/exec"
)

// apart leaves the command as it is: without process groups, only the plugin itself is killed.
func apart(*exec.Cmd) {}

// limitMemory is for Linux only.
func limitMemory(int, int64) {}

func tookMemory(*os.ProcessState) int64 { return 0 }

func (p *process) killGroup() { _ = p.Kill() }

func (p *process) await() { p.state, p.err = p.Wait() }

func (p *process) endChildren() {}
