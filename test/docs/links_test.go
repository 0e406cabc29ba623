// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	// noAnchor is what GitHub leaves out of a heading when it makes an anchor of it.
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	// mention is a document that code, a manifest or a chart names by its path from the root, or by its URL.
	mention = regexp.MustCompile(`\bdocs/[\w/-]+\.md(?:#[\w-]+)?`)
)

// projectFiles returns the files of the project that match the patterns of git, those that are not committed yet included.
func projectFiles(t *testing.T, patterns ...string) []string {
	t.Helper()
	arguments := append([]string{"ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "--"}, patterns...)
	list := exec.CommandContext(t.Context(), "git", arguments...)
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, path := range strings.Fields(string(out)) {
		if _, err := os.Stat(filepath.Join(root, path)); err == nil {
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		t.Fatalf("no files match %s", patterns)
	}
	return found
}

// TestLinks: every link from a document to another file, and to a heading, leads somewhere.
func TestLinks(t *testing.T) {
	for _, document := range projectFiles(t, "*.md") {
		for _, match := range link.FindAllStringSubmatch(fence.ReplaceAllString(contents(t, document), ""), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := document
			if target != "" {
				path = filepath.Join(filepath.Dir(document), target)
			}
			leads(t, document, path, anchor)
		}
	}
}

// TestMentions: every document that something other than a document names is there, and so is its heading.
func TestMentions(t *testing.T) {
	for _, file := range projectFiles(t, "*.go", "*.yaml", "*.yml", "*.tpl", "*.txt", "Makefile", ".ci", "Dockerfile") {
		if strings.HasPrefix(file, "test/docs/") {
			continue // what a test makes of pieces is not a name
		}
		for _, match := range mention.FindAllString(contents(t, file), -1) {
			path, anchor, _ := strings.Cut(match, "#")
			leads(t, file, path, anchor)
		}
	}
}

// leads fails the test if there is no such file, or no such heading in it.
func leads(t *testing.T, from, path, anchor string) {
	t.Helper()
	info, err := os.Stat(filepath.Join(root, path))
	if err != nil {
		t.Errorf("%s leads to %s, which is not there", from, path)
		return
	}
	if anchor != "" && !info.IsDir() && strings.HasSuffix(path, ".md") && !anchors(t, path)[anchor] {
		t.Errorf("%s leads to %s#%s, where there is no such heading", from, path, anchor)
	}
}

// anchors are the anchors that GitHub gives to the headings of a document; a heading that comes again gets a number.
func anchors(t *testing.T, path string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(contents(t, path), ""), -1) {
		title := link.ReplaceAllString(match[1], "]")
		anchor := strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
		again := anchor
		for i := 1; found[again]; i++ {
			again = anchor + "-" + strconv.Itoa(i)
		}
		found[again] = true
	}
	return found
}

// TestIndex: the index of the documents has a link to each of them.
func TestIndex(t *testing.T) {
	listed := map[string]bool{}
	for _, match := range link.FindAllStringSubmatch(contents(t, "docs/README.md"), -1) {
		listed[filepath.Join("docs", match[1])] = true
	}
	for _, document := range projectFiles(t, "docs/*.md", "docs/**/*.md") {
		if document != "docs/README.md" && !listed[document] {
			t.Errorf("docs/README.md does not list %s", document)
		}
	}
}
