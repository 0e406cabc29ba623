// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/capi-inventory/capi-inventory/internal/printable"
)

// maxArgument is how much of an argument an error quotes, in bytes.
const maxArgument = 100

// noArguments refuses arguments, and says what to use instead. cobra would call the first one an unknown command.
func noArguments(instead string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return fmt.Errorf("unexpected argument %q: %s", printable.Line(args[0], maxArgument), instead)
	}
}

// oneName requires the name of one object.
func oneName(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return errors.New("the name of a Cluster or ClusterProfile is missing")
	case 1:
		return nil
	}
	return fmt.Errorf("unexpected argument %q: explain one Cluster or ClusterProfile at a time", printable.Line(args[1], maxArgument))
}
