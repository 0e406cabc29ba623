// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// programs are the project's binaries that the demo runs.
type programs struct {
	dir     string
	running []*exec.Cmd
}

// start runs a binary of bin/ with its output in a file.
func (p *programs) start(name string, args ...string) error {
	log, err := os.Create(p.log(name))
	if err != nil {
		return fmt.Errorf("opening a log for the %s: %w", name, err)
	}
	program := exec.Command(filepath.Join("bin", name), args...)
	// The credential plugin, a child of the consumer, reads its Secret with this kubeconfig.
	program.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(p.dir, name+".kubeconfig"))
	program.Stdout, program.Stderr = log, log
	// A group of its own: Ctrl-C is for the demo, which then ends its programs in order.
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// The program has its own copy of the file by then.
	if err := errors.Join(program.Start(), log.Close()); err != nil {
		return fmt.Errorf("starting the %s: %w", name, err)
	}
	p.running = append(p.running, program)
	return nil
}

// stop ends the programs as Kubernetes would: a request, and force after a while.
func (p *programs) stop() error {
	var faults []error
	for _, program := range p.running {
		faults = append(faults, program.Process.Signal(syscall.SIGTERM))
		patience := time.AfterFunc(10*time.Second, func() { _ = program.Process.Kill() })
		var exit *exec.ExitError
		if err := program.Wait(); err != nil && !errors.As(err, &exit) {
			faults = append(faults, err)
		}
		patience.Stop()
	}
	return errors.Join(faults...)
}

// dump prints what the programs logged, to find out why a step failed.
func (p *programs) dump() error {
	for _, program := range p.running {
		name := filepath.Base(program.Path)
		logged, err := os.ReadFile(p.log(name))
		if err != nil {
			return fmt.Errorf("reading the log of the %s: %w", name, err)
		}
		fmt.Fprintf(os.Stderr, "--- the %s logged:\n%s\n", name, logged)
	}
	return nil
}

func (p *programs) log(name string) string { return filepath.Join(p.dir, name+".log") }
