// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package credential

import "os/exec"

// apart leaves the command as it is: without process groups, only the plugin itself is killed.
func apart(*exec.Cmd) {}

func (p *process) killGroup() { _ = p.Kill() }

func (p *process) await() { p.state, p.err = p.Wait() }

func (p *process) endChildren() {}
