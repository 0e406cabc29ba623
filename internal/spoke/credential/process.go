// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// grace is how long the children of a plugin that has ended may still write its output.
const grace = 500 * time.Millisecond

// process is the plugin itself, the first of all processes that it may start.
type process struct {
	*os.Process
	state *os.ProcessState
	err   error
}

// execute runs a plugin and returns when neither the plugin nor its children are left, as far as the system lets us find them. It waits
// for the plugin until ctx ends; the error is that of ctx if the plugin was killed for it.
func (s *Source) execute(ctx context.Context, command *exec.Cmd, stdout, stderr io.Writer) error {
	s.first.Do(s.adopt)
	apart(command)
	out := &output{}
	if err := out.connect(command, stdout, stderr); err != nil {
		return err
	}
	err := s.Reaper.start(func() (*os.Process, error) {
		err := command.Start()
		if err == nil {
			limitMemory(command.Process.Pid, s.MemoryLimit)
		}
		return command.Process, err
	})
	read := out.copy(err == nil)
	if err != nil {
		<-read
		return err
	}
	plugin := &process{Process: command.Process}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		plugin.await()
	}()
	var late error
	select {
	case <-ended:
	case <-ctx.Done():
		late = ctx.Err()
		plugin.killGroup()
		<-ended
	}
	// A script's last child may still be writing the plugin's output.
	wait(ctx, read)
	plugin.endChildren()
	wait(context.WithoutCancel(ctx), read)
	_ = out.close()
	<-read
	err = s.Reaper.end(plugin)
	if err != nil && late != nil {
		return late
	}
	return err
}

// adopt makes the first process of a container a reaper.
func (s *Source) adopt() {
	if s.Reaper == nil && os.Getpid() == 1 {
		// Without a reaper, orphans are as under an init that does not reap.
		s.Reaper, _ = NewReaper()
	}
}

// wait waits for a channel, for the grace period at most.
func wait(ctx context.Context, done <-chan struct{}) {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-ctx.Done():
	case <-timer.C:
	}
}

// reap returns how the plugin ended. After that, its PID may be another process's.
func (p *process) reap() error {
	if p.state == nil && p.err == nil {
		p.state, p.err = p.Wait()
	}
	switch {
	case p.err != nil:
		return p.err
	case !p.state.Success():
		return &exec.ExitError{ProcessState: p.state}
	default:
		return nil
	}
}

// output copies what a plugin writes into buffers. os/exec would do so too, but then its Wait would wait for the output, when the plugin's
// PID may already be another process's.
type output struct {
	far   []*os.File
	pipes []pipe
}

type pipe struct {
	near *os.File
	to   io.Writer
}

func (o *output) connect(command *exec.Cmd, stdout, stderr io.Writer) error {
	for _, stream := range []struct {
		end *io.Writer
		to  io.Writer
	}{{&command.Stdout, stdout}, {&command.Stderr, stderr}} {
		near, far, err := os.Pipe()
		if err != nil {
			return errors.Join(err, o.close(), o.closeFar())
		}
		*stream.end = far
		o.far, o.pipes = append(o.far, far), append(o.pipes, pipe{near: near, to: stream.to})
	}
	return nil
}

// copy reads what the plugin writes until the last process that holds its output has ended, or until close.
func (o *output) copy(started bool) <-chan struct{} {
	_ = o.closeFar()
	if !started {
		_ = o.close()
	}
	var reading sync.WaitGroup
	for _, pipe := range o.pipes {
		reading.Go(func() {
			// An error means that close has closed the pipe.
			_, _ = io.Copy(pipe.to, pipe.near)
			_ = pipe.near.Close()
		})
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		reading.Wait()
	}()
	return read
}

func (o *output) close() error {
	var err error
	for _, pipe := range o.pipes {
		err = errors.Join(err, pipe.near.Close())
	}
	return err
}

func (o *output) closeFar() error {
	var err error
	for _, far := range o.far {
		err = errors.Join(err, far.Close())
	}
	return err
}
