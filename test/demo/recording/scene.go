// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"time"
)

// The size of the terminal in the picture, in characters.
const (
	columns = 120
	rows    = 16
)

// scene is what the picture shows at a time: a command with what it prints, below the heading of the demo and what it says before.
type scene struct {
	heading string
	lines   []string
}

// lasts is how long a reader has for a scene.
func (s scene) lasts() time.Duration {
	return min(3*time.Second+time.Duration(len(s.lines))*300*time.Millisecond, 8*time.Second)
}

// scenesOf returns the scenes of a transcript in Markdown, which is its only block of code. A command and its output are a paragraph.
func scenesOf(page string) []scene {
	_, transcript, _ := strings.Cut(page, "\n```\n")
	transcript, _, _ = strings.Cut(transcript, "\n```")
	var all []scene
	heading, paragraphs := "", []string(nil)
	add := func() {
		if len(paragraphs) > 0 {
			all = append(all, scene{heading: heading, lines: fitting(strings.Join(paragraphs, "\n\n"))})
		}
		paragraphs = nil
	}
	for paragraph := range strings.SplitSeq(transcript, "\n\n") {
		if rest, begins := strings.CutPrefix(paragraph, "=== "); begins {
			add()
			heading, paragraph, _ = strings.Cut(rest, "\n")
		}
		if paragraph = strings.Trim(paragraph, "\n"); paragraph == "" {
			continue
		}
		paragraphs = append(paragraphs, paragraph)
		if strings.HasPrefix(paragraph, "$ ") {
			add()
		}
	}
	add()
	return all
}

// fitting returns the lines of a text, as far as the terminal has place for them.
func fitting(text string) []string {
	lines := strings.Split(text, "\n")
	if over := len(lines) - rows; over > 0 {
		lines = append(lines[:rows-1], fmt.Sprintf("... and %d lines more", over+1))
	}
	for i, line := range lines {
		if characters := []rune(line); len(characters) > columns {
			lines[i] = string(characters[:columns-1]) + "…"
		}
	}
	return lines
}
