// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"errors"
	"fmt"
	"os"
)

// Tests are those of a package: a *testing.M.
type Tests interface{ Run() int }

// RunOnHub runs the tests of a package on a hub that they share, and ends the process: it is all that a TestMain does. prepare
// gets the hub before the first test.
func RunOnHub(tests Tests, prepare func(*Server) error) {
	code, err := runOnHub(tests, prepare)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runOnHub(tests Tests, prepare func(*Server) error) (code int, err error) {
	hub, err := StartHub()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, hub.Stop()) }()
	if err := prepare(hub); err != nil {
		return 1, err
	}
	return tests.Run(), nil
}
