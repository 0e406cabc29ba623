// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package dashboard serves a page that shows the profiles of a hub, and keeps it up to date by watches with the user's rights.
//
// It listens on loopback, and serves only the browser that has the token of the printed URL. It reads ClusterProfiles, SpokeChecks,
// AccessGrants and Inventories, for details Clusters and the labels of Namespaces too, and never a Secret.
package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// refreshEvery is how often the tiles are updated that change with the time alone.
	refreshEvery = 10 * time.Second
	// readTimeout is how long a browser may take for a request.
	readTimeout = 10 * time.Second
)

// Options are what the dashboard needs.
type Options struct {
	// Connect returns a client with the user's rights. It is called again while the hub does not serve ClusterProfiles: a client has one
	// version of them, and the CRD may be installed with another one.
	Connect func() (client.WithWatch, error)
	// Name is the name of the hub, for the page.
	Name string
	// Namespace is the only namespace of profiles, checks and grants; empty means all.
	Namespace string
	// Flags are those that select the hub, for the commands that the page shows.
	Flags []string
	Now   func() time.Time
	// Port is the port of loopback; 0 means any free one.
	Port int
	// Retry is the pause before a kind is watched again that the user may not watch.
	Retry time.Duration
	// Batch is the least time between two updates of a page.
	Batch time.Duration
}

// Dashboard is a running dashboard.
type Dashboard struct {
	options  Options
	client   atomic.Pointer[client.WithWatch]
	store    *store
	guard    *guard
	listener net.Listener
}

// Listen opens the port.
func Listen(ctx context.Context, options Options) (*Dashboard, error) {
	hub, err := options.Connect()
	if err != nil {
		return nil, fmt.Errorf("connecting to the hub: %w", err)
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(options.Port))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", address)
	if err != nil {
		return nil, fmt.Errorf("--port: %w", err)
	}
	d := &Dashboard{options: options, listener: listener}
	d.client.Store(&hub)
	watched := feeds(options.Namespace)
	names := make([]string, 0, len(watched))
	for _, f := range watched {
		names = append(names, f.Kind)
	}
	d.store = newStore(options.Now, names...)
	d.guard = newGuard(listener.Addr().String(), d.routes())
	return d, nil
}

// hub returns the client to use now.
func (d *Dashboard) hub() client.WithWatch { return *d.client.Load() }

// reconnect makes the client again. A hub that does not respond must not delay the end of the program.
func (d *Dashboard) reconnect(ctx context.Context) {
	made := make(chan client.WithWatch, 1)
	go func() {
		defer close(made)
		if hub, err := d.options.Connect(); err == nil {
			made <- hub
		}
	}()
	select {
	case <-ctx.Done():
	case hub, connected := <-made:
		if connected {
			d.client.Store(&hub)
		}
	}
}

// URL returns the URL of the page, with the token.
func (d *Dashboard) URL() string { return d.guard.url(d.guard.token) }

// Open opens the page in the browser of the user, which may outlive ctx.
func (d *Dashboard) Open(ctx context.Context) error {
	name, args := opener(runtime.GOOS)
	//nolint:gosec // G204: the program is one of three, and the URL is ours
	command := exec.CommandContext(context.WithoutCancel(ctx), name, append(args, d.guard.url(d.guard.issue()))...)
	if err := command.Start(); err != nil {
		return fmt.Errorf("opening a browser: %w", err)
	}
	go func() { _ = command.Wait() }()
	return nil
}

// opener returns the command that opens a URL.
func opener(system string) (name string, args []string) {
	switch system {
	case "darwin":
		return "open", nil
	case "windows":
		return "rundll32", []string{"url.dll,FileProtocolHandler"}
	}
	return "xdg-open", nil
}

// Run watches and serves until ctx ends.
func (d *Dashboard) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for _, f := range feeds(d.options.Namespace) {
		running.Go(func() { d.keep(ctx, f) })
	}
	running.Go(func() { d.tick(ctx) })
	server := &http.Server{
		Handler:           d.guard,
		ReadHeaderTimeout: readTimeout,
		MaxHeaderBytes:    1 << 16,
		// Streams end with the dashboard.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	running.Go(func() {
		<-ctx.Done()
		_ = server.Close()
	})
	if err := server.Serve(d.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the page: %w", err)
	}
	return nil
}
