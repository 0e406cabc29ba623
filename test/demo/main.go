// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Command demo is `make demo`: the main job of the project on one machine, without Docker and without a cluster.
//
// It starts a hub and two spokes, each a real etcd and kube-apiserver, runs the publisher and the consumer as the binaries
// that users run, with the rights that users grant them, and demonstrates them. Cluster API itself does not run: the
// demo plays its part, and says so where it does. What it prints is what kubectl prints.
//
// At a terminal it then waits to be explored by hand. With DEMO_ONCE=1, or without a terminal, it ends after the story, and
// not with success if a step of it did not come true.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

const explore = `
Everything still runs. Explore it from another terminal, and end it here with Ctrl-C:

  export KUBECONFIG=%s KUBECTL_INVENTORY_PROVIDERS=%s
  kubectl get clusterprofiles,spokechecks,inventories -A
  bin/kubectl-inventory check -A --allow-local-servers
`

func main() {
	if err := run(); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Println("Starting a hub and two spokes: a real etcd and kube-apiserver each.")
	theatre, err := open(ctx)
	if theatre != nil {
		defer func() { err = errors.Join(err, theatre.close()) }()
	}
	if err != nil {
		return err
	}
	if err := theatre.run(ctx); err != nil {
		return errors.Join(err, theatre.programs.dump())
	}
	if os.Getenv("DEMO_ONCE") != "" || !term.IsTerminal(int(os.Stdout.Fd())) {
		return nil
	}
	fmt.Printf(explore, theatre.kubeconfig, theatre.providers())
	<-ctx.Done()
	fmt.Println()
	return nil
}
