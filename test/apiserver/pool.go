// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
)

// Pool is a few hubs for the parallel tests of a package, each of which has a hub for itself while it runs.
type Pool struct {
	// idle holds the hubs that are started and in no use, started a token for each hub that has been started.
	idle    chan *Server
	started chan struct{}
	// starting is held while a hub starts: several at once take so long on a small machine that they time out.
	starting sync.Mutex
}

// RunOnPool runs the tests of a package on a pool of at most size hubs, and ends the process: it is all that a TestMain does.
// prepare gets the pool before the first test. As many tests run at a time as there are hubs, unless -parallel says otherwise:
// they wait for API servers more than they compute.
func RunOnPool(tests Tests, size int, prepare func(*Pool)) {
	pool := &Pool{idle: make(chan *Server, size), started: make(chan struct{}, size)}
	prepare(pool)
	code, err := pool.run(tests)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func (p *Pool) run(tests Tests) (code int, err error) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", fmt.Sprint(cap(p.idle))); err != nil {
			return 1, fmt.Errorf("running tests in parallel: %w", err)
		}
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	return tests.Run(), nil
}

// Take returns a hub that no other test uses until this one ends. It waits for one, and starts one where there is none.
func (p *Pool) Take(t Test) *Server {
	t.Helper()
	hub, err := p.take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.idle <- hub })
	return hub
}

func (p *Pool) take() (*Server, error) {
	select {
	case hub := <-p.idle:
		return hub, nil
	default:
	}
	select {
	case hub := <-p.idle:
		return hub, nil
	case p.started <- struct{}{}:
		p.starting.Lock()
		defer p.starting.Unlock()
		hub, err := StartHub()
		if err != nil {
			<-p.started
		}
		return hub, err
	}
}

// stop ends the hubs, all of which must be idle.
func (p *Pool) stop() (err error) {
	for range len(p.started) {
		err = errors.Join(err, (<-p.idle).Stop())
	}
	return err
}
