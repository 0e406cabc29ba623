// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"
)

//go:embed picture.svg.tmpl
var source string

// picture draws scenes one after the other, by CSS alone: a page that shows it as an image runs no scripts.
var picture = template.Must(
	template.New("picture").Funcs(template.FuncMap{"line": line, "y": y, "escape": html.EscapeString}).Parse(source),
)

// drawn is a scene and the part of the time in which it is shown, in percent.
type drawn struct {
	Number     int
	Heading    string
	Lines      []string
	Begin, End string
}

func draw(scenes []scene) ([]byte, error) {
	var total time.Duration
	for _, s := range scenes {
		total += s.lasts()
	}
	percent := func(at time.Duration) string { return fmt.Sprintf("%.2f%%", 100*at.Seconds()/total.Seconds()) }
	all := make([]drawn, 0, len(scenes))
	var at time.Duration
	for n, s := range scenes {
		all = append(all, drawn{Number: n, Heading: s.heading, Lines: s.lines, Begin: percent(at), End: percent(at + s.lasts())})
		at += s.lasts()
	}
	var out bytes.Buffer
	err := picture.Execute(&out, map[string]any{
		"Scenes":  all,
		"Still":   still(scenes),
		"Seconds": int(total.Seconds()),
		"Width":   columns*characterWidth + 2*margin,
		"Height":  y(rows) + margin,
	})
	if err != nil {
		return nil, fmt.Errorf("drawing: %w", err)
	}
	return out.Bytes(), nil
}

// still returns the number of the scene for readers who want no motion: the first with a command and what it prints.
func still(scenes []scene) int {
	return max(0, slices.IndexFunc(scenes, func(s scene) bool {
		return slices.ContainsFunc(s.lines, func(line string) bool { return strings.HasPrefix(line, "$ ") })
	}))
}

// In pixels. The heading is above the first line.
const (
	characterWidth = 7
	lineHeight     = 18
	margin         = 16
	top            = 64
)

// y is where a line stands.
func y(line int) int { return top + line*lineHeight }

// states are the words of a line that have a colour.
var states = regexp.MustCompile(`\b(True|Reachable|ok)\b|\b(False|ConnectFailed|failed|Unknown)\b`)

// line returns the text of a line, with elements for what has a colour.
func line(text string) string {
	if strings.HasPrefix(text, "$ ") {
		return `<tspan class="command">` + html.EscapeString(text) + `</tspan>`
	}
	var out strings.Builder
	last := 0
	for _, at := range states.FindAllStringSubmatchIndex(text, -1) {
		class := "good"
		if at[4] >= 0 {
			class = "bad"
		}
		out.WriteString(html.EscapeString(text[last:at[0]]))
		fmt.Fprintf(&out, `<tspan class="%s">%s</tspan>`, class, text[at[0]:at[1]])
		last = at[1]
	}
	out.WriteString(html.EscapeString(text[last:]))
	return out.String()
}
