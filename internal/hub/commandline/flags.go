// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package commandline is what every command line needs that works on a hub: flags, what is wrong with them, and the client
// configuration. It imports no controller-runtime: many credential plugins run at once, and each should be small.
package commandline

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"
)

// NewFlagSet returns an empty set of flags, with the text to print before them in the help.
func NewFlagSet(name, usage string) *pflag.FlagSet {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage+"\nFlags:\n"+flags.FlagUsagesWrapped(120)) }
	return flags
}

// Parse parses a command line that has flags and nothing else.
func Parse(flags *pflag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: only flags are accepted", flags.Arg(0))
	}
	return nil
}

// AddKubeconfig adds the flag --kubeconfig.
func AddKubeconfig(flags *pflag.FlagSet, path *string) {
	flags.StringVar(path, "kubeconfig", *path,
		"Path to the hub's kubeconfig; $KUBECONFIG, ~/.kube/config or the pod's ServiceAccount if not set.")
}
