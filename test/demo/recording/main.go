// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Command recording draws what the demo prints, docs/demo.md, as an animated picture for the README. `make test-demo` keeps that page as
// the demo is, and a test here keeps the picture as the page is. It runs in the root of the repository.
package main

import (
	"fmt"
	"os"
)

// The page with the transcript, and the picture of it.
const (
	page = "docs/demo.md"
	file = "docs/images/demo.svg"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "recording:", err)
		os.Exit(1)
	}
}

func run() error {
	transcript, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("reading the transcript: %w", err)
	}
	drawn, err := draw(scenesOf(string(transcript)))
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, drawn, 0o644); err != nil {
		return fmt.Errorf("writing the picture: %w", err)
	}
	return nil
}
