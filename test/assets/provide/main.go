// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Command provide is `make assets`: it leaves etcd and kube-apiserver where tests and the demo find them, and prints where.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/capi-inventory/capi-inventory/test/assets"
)

func main() {
	dir, err := provide()
	if err != nil {
		fmt.Fprintln(os.Stderr, "assets:", err)
		os.Exit(1)
	}
	fmt.Println(dir)
}

func provide() (string, error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return assets.Provide(ctx, func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "assets: "+format+"\n", args...)
	})
}
