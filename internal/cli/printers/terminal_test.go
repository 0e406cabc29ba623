// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package printers_test

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
)

func TestTable(t *testing.T) {
	cases := map[string]struct {
		why   string
		print func(out *bytes.Buffer) error
		want  string
	}{
		"Aligned": {
			why: "columns are as wide as their widest cell, counted in characters; no trailing spaces",
			print: func(out *bytes.Buffer) error {
				table := printers.NewTable(out, printers.Palette{}, "NAME", "AGE")
				table.Add(printers.Text("zürich"), printers.Text("1d"))
				table.Add(printers.Text("rome"), printers.Text(""))
				return table.Flush()
			},
			want: "NAME     AGE\nzürich   1d\nrome     <none>\n",
		},
		"Coloured": {
			why: "colour codes do not count as width",
			print: func(out *bytes.Buffer) error {
				table := printers.NewTable(out, printers.Colourful(), "UP", "AGE")
				table.Add(printers.Cell{Text: "yes", Tone: printers.Good}, printers.Text("1d"))
				return table.Flush()
			},
			want: "UP    AGE\n\x1b[32myes\x1b[0m   1d\n",
		},
		"Watched": {
			why: "later rows keep the columns of the headers",
			print: func(out *bytes.Buffer) error {
				table := printers.NewTable(out, printers.Palette{}, "NAME", "AGE")
				table.Add(printers.Text("london"), printers.Text("1d"))
				if err := table.Flush(); err != nil {
					return err
				}
				table.Add(printers.Text("rome"), printers.Text("2d"))
				return table.Flush()
			},
			want: "NAME     AGE\nlondon   1d\nrome     2d\n",
		},
		"Long": {
			why: "one text of another writer must not widen all rows; the last column is padded for nobody",
			print: func(out *bytes.Buffer) error {
				table := printers.NewTable(out, printers.Palette{}, "NAME", "WHY")
				table.Add(printers.Text(strings.Repeat("ä", 1000)), printers.Text(strings.Repeat("b", 1000)))
				table.Add(printers.Text(strings.Repeat("n", 317)), printers.Text("1d"))
				return table.Flush()
			},
			want: "NAME" + strings.Repeat(" ", 319) + "WHY\n" + strings.Repeat("ä", 319) + "…   " + strings.Repeat("b", 1000) + "\n" +
				strings.Repeat("n", 317) + "      1d\n",
		},
		"WithoutHeaders": {
			why: "headers that are not printed do not widen columns",
			print: func(out *bytes.Buffer) error {
				table := printers.NewTable(out, printers.Palette{}, "A LONG NAME", "AGE").WithoutHeaders()
				table.Add(printers.Text("a"), printers.Text("1d"))
				return table.Flush()
			},
			want: "a   1d\n",
		},
		"NoRows": {
			why:   "headers are not printed without rows",
			print: func(out *bytes.Buffer) error { return printers.NewTable(out, printers.Palette{}, "NAME").Flush() },
			want:  "",
		},
		"Hostile": {
			why: "a profile must not control the terminal",
			print: func(out *bytes.Buffer) error {
				table := printers.NewTable(out, printers.Palette{}, "NAME")
				table.Add(printers.Text("a\x1b[2J\nb"))
				return table.Flush()
			},
			want: "NAME\na [2J b\n",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := tc.print(&out); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestColoursNeedATerminal(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got := printers.PaletteFor(file).Paint(printers.Bad, "no"); got != "no" {
		t.Errorf("colours were printed to a file: %q", got)
	}
}

func TestColoursOnATerminal(t *testing.T) {
	terminalFile, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal is available: %v", err)
	}
	defer terminalFile.Close()
	cases := map[string]struct {
		why         string
		environment map[string]string
		want        string
	}{
		"Terminal": {why: "a terminal that supports colours", environment: map[string]string{"TERM": "xterm"}, want: "\x1b[31mno\x1b[0m"},
		"NoColor":  {why: "the user wants no colours", environment: map[string]string{"NO_COLOR": "1", "TERM": "xterm"}, want: "no"},
		"Dumb":     {why: "the terminal has no colours", environment: map[string]string{"TERM": "dumb"}, want: "no"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("NO_COLOR", "") // so that it is restored
			if err := os.Unsetenv("NO_COLOR"); err != nil {
				t.Fatal(err)
			}
			for key, value := range tc.environment {
				t.Setenv(key, value)
			}
			if got := printers.PaletteFor(terminalFile).Paint(printers.Bad, "no"); got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}

func TestBar(t *testing.T) {
	var out bytes.Buffer
	bar := printers.DrawBar(&out, 10, "not reachable")
	var steps sync.WaitGroup
	for i := range 10 {
		steps.Go(func() { bar.Step(i > 0) })
	}
	steps.Wait()
	frames := strings.Split(out.String(), "\r\x1b[2K")
	if got, want := frames[len(frames)-1], "[##############################] 10/10, 1 not reachable"; got != want {
		t.Errorf("the bar ends with %q, want %q", got, want)
	}
	bar.Clear()
	if !strings.HasSuffix(out.String(), "\r\x1b[2K") {
		t.Error("a cleared bar is still shown")
	}

	out.Reset()
	printers.NewBar(&out, 1, "bad").Step(false)
	if out.Len() > 0 {
		t.Errorf("a bar was drawn to an output that is not a terminal: %q", out.String())
	}
}
