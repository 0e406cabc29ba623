// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Command consumer reads the ClusterProfiles of a hub as any other consumer would, dials every spoke, and reports the result in a
// SpokeCheck for each profile.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/capi-inventory/capi-inventory/internal/hub/commandline"
)

func main() {
	ctx, _ := commandline.UntilHangup(ctrl.SetupSignalHandler())
	err := run(ctx, os.Args[1:])
	switch {
	case err == nil, errors.Is(err, pflag.ErrHelp):
		return
	case errors.Is(err, errUnreachable):
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, "consumer:", err)
		os.Exit(2)
	}
}
