// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPictureIsOfThePage: the picture in the README shows what docs/demo.md has now.
func TestPictureIsOfThePage(t *testing.T) {
	t.Chdir(filepath.Join("..", "..", ".."))
	transcript, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want, err := draw(scenesOf(string(transcript)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/images/demo.svg is not the picture of docs/demo.md: make screenshots")
	}
	decoder := xml.NewDecoder(bytes.NewReader(got))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the picture is not XML: %v", err)
		}
	}
}

func TestScenesOf(t *testing.T) {
	wide, many := strings.Repeat("x", columns+1), strings.Repeat("line\n", rows)
	page := "Text.\n\n```\nStarting.\n\n=== First\nA note.\n\n$ one\nA <b>\n\nAnother note.\n\n$ two\n" + wide + "\n" + many +
		"\n=== Last\n\n$ three\n```\n"
	long := []string{"Another note.", "", "$ two", wide[:columns-1] + "…"}
	for len(long) < rows-1 {
		long = append(long, "line")
	}
	want := []scene{
		{"", []string{"Starting."}},
		{"First", []string{"A note.", "", "$ one", "A <b>"}},
		{"First", append(long, "... and 5 lines more")},
		{"Last", []string{"$ three"}},
	}
	if diff := cmp.Diff(want, scenesOf(page), cmp.AllowUnexported(scene{})); diff != "" {
		t.Errorf("other scenes, -want +got:\n%s", diff)
	}
}

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"$ kubectl get a<b": `<tspan class="command">$ kubectl get a&lt;b</tspan>`,
		"a  True  <none>":   `a  <tspan class="good">True</tspan>  &lt;none&gt;`,
		"False(x)":          `<tspan class="bad">False</tspan>(x)`,
		"nothing":           "nothing",
	} {
		if got := line(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
