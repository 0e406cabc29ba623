// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// Forwarder is a load balancer in front of a control plane: a TCP port of its own that leads to the server.
type Forwarder struct {
	listener net.Listener
	target   string
	cut      atomic.Bool

	mu sync.Mutex
	// standing are the connections to the server.
	standing map[net.Conn]bool
}

// Forward opens a port that leads to the server. Close must be called in the end.
func (s *Server) Forward() (*Forwarder, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening a port before an API server: %w", err)
	}
	f := &Forwarder{listener: listener, target: s.Address(), standing: map[net.Conn]bool{}}
	go f.accept(listener)
	return f, nil
}

// Cut has the forwarder hang up on each new connection, or lead to the server again.
func (f *Forwarder) Cut(cut bool) { f.cut.Store(cut) }

// Drop ends the connections that stand, those of watches among them.
func (f *Forwarder) Drop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for connection := range f.standing {
		hangUp(connection)
	}
}

// URL is where the forwarder answers.
func (f *Forwarder) URL() string { return "https://" + f.listener.Addr().String() }

// Close stops accepting; connections that stand end with their peers.
func (f *Forwarder) Close() error { return f.listener.Close() }

// Reopen opens the same port again after Close.
func (f *Forwarder) Reopen() (err error) {
	if f.listener, err = net.Listen("tcp", f.listener.Addr().String()); err != nil {
		return fmt.Errorf("opening a port before an API server again: %w", err)
	}
	go f.accept(f.listener)
	return nil
}

func (f *Forwarder) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go f.pipe(client)
	}
}

func (f *Forwarder) pipe(client net.Conn) {
	defer hangUp(client)
	if f.cut.Load() {
		return
	}
	server, err := net.Dial("tcp", f.target)
	if err != nil {
		return
	}
	defer hangUp(server)
	f.stands(server, true)
	defer f.stands(server, false)
	// Either side may hang up first; closing both ends the other copy.
	done := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(server, client); done <- struct{}{} }()
	go func() { _, _ = io.Copy(client, server); done <- struct{}{} }()
	<-done
}

func (f *Forwarder) stands(server net.Conn, stands bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if stands {
		f.standing[server] = true
	} else {
		delete(f.standing, server)
	}
}

// hangUp closes a connection whose peer may have done so already.
func hangUp(connection net.Conn) { _ = connection.Close() }
