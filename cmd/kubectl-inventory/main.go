// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// kubectl-inventory is the plugin for a person who has ClusterProfiles before them: what is there, can it be reached, where
// does it come from, who can use it, and how do I get in. It works on the profiles of any cluster manager and writes nothing
// to the hub.
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
)

// Exit codes. Everything that was asked may have been answered, and the answer be no.
const (
	exitNo    = 1
	exitError = 2
)

// errNo says that the answer is no; what was printed says why.
var errNo = errors.New("no")

// completer is the name under which kubectl asks a plugin for completions: a link of this name to the plugin is enough.
const completer = "kubectl_complete-inventory"

func main() { os.Exit(start()) }

func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal ends what is going on, and what was made for it is removed; the second one kills.
	context.AfterFunc(ctx, stop)
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
	o := &options{IOStreams: streams, now: now}
	root := newRoot(o) //nolint:contextcheck // commands and completions are handed the context when they run
	root.SetArgs(args)
	o.bind(ctx)
	switch err := root.ExecuteContext(ctx); {
	case err == nil:
		return 0
	case errors.Is(err, errNo):
		return exitNo
	case ctx.Err() != nil:
		// What failed, failed because of that.
		o.say("error: interrupted")
		return exitError
	default:
		o.say("error: %s", err)
		return exitError
	}
}
