// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// kubectl-inventory is a kubectl plugin for users of ClusterProfiles: it lists, checks, explains and lints them, and writes a kubeconfig
// for their spokes. It works on the profiles of any cluster manager and writes nothing to the hub.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/hub/commandline"
)

// Exit codes. The first means that the command has succeeded and its answer is no; the second, that it could not find out.
const (
	exitUnsatisfied = 1
	exitError       = 2
)

// errUnsatisfied means that the answer of the command is no. The output contains the reason.
var errUnsatisfied = errors.New("unsatisfied")

// completer is the name of the program that kubectl calls for completions: it is a link to the plugin.
const completer = "kubectl_complete-inventory"

func main() { os.Exit(start()) }

func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal cancels the command, which removes its temporary files; the second one kills it.
	context.AfterFunc(ctx, stop)
	// A shell may repeat what the system sends when the terminal is closed, so that does not kill it.
	ctx, ignore := commandline.UntilHangup(ctx)
	defer ignore()
	log.SetLogger(logr.Discard())
	args := os.Args[1:]
	if filepath.Base(os.Args[0]) == completer {
		args = append([]string{"__complete"}, args...)
	}
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	return run(ctx, streams, time.Now, args)
}

// run runs one command line and returns its exit code.
func run(ctx context.Context, streams genericiooptions.IOStreams, now func() time.Time, args []string) int {
	o := &options{IOStreams: streams, now: now, profileVersion: hub.ClusterProfiles.Kind.GroupVersion()}
	root := newRoot(o) //nolint:contextcheck // commands and completions get the context when they run
	root.SetArgs(args)
	o.bind(ctx)
	switch err := root.ExecuteContext(ctx); {
	case err == nil:
		return 0
	case errors.Is(err, errUnsatisfied):
		return exitUnsatisfied
	case ctx.Err() != nil:
		// The error is a consequence of that.
		o.warnf("error: interrupted")
		return exitError
	default:
		o.warnf("error: %s", err)
		return exitError
	}
}
