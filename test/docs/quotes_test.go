// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// quote is a link to a file of the recipes that begins a line, and the block that follows it.
var quote = regexp.MustCompile(
	"(?m)^\\[[^]]+\\]\\(\\.\\./((?:" + samples + "|" + federationSamples + ")/[^)]+)\\)[^\\n]*\\n\\n```\\w+\\n((?s).*?)```$")

// TestQuotes: what consumers.md shows of a recipe is the file that is tested, and it shows all of them.
func TestQuotes(t *testing.T) {
	shown := map[string]string{}
	for _, match := range quote.FindAllStringSubmatch(contents(t, "docs/consumers.md"), -1) {
		shown[match[1]] = match[2]
	}
	var files []string
	for _, pattern := range []string{samples + "/*/*", federationSamples + "/*"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("there are no recipes in %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		name, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(contents(t, name), shown[name]); diff != "" {
			t.Errorf("%s and what docs/consumers.md shows of it:\n%s", name, diff)
		}
		delete(shown, name)
	}
	for name := range shown {
		t.Errorf("docs/consumers.md shows %s, which does not exist", name)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile("(?m)^#+ (.*)$")
	fence   = regexp.MustCompile("(?ms)^```.*?^```")
	// noAnchor is what GitHub leaves out of a heading when it makes an anchor of it.
	noAnchor = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// TestLinks: every link from a document to another file, and to a heading, leads somewhere.
func TestLinks(t *testing.T) {
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(documents) == 0 {
		t.Fatal(documents, err)
	}
	for _, document := range append(documents, filepath.Join(root, "README.md")) {
		raw, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(fence.ReplaceAllString(string(raw), ""), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := document
			if target != "" {
				path = filepath.Join(filepath.Dir(document), target)
			}
			if info, err := os.Stat(path); err != nil {
				t.Errorf("%s leads to %s, which is not there", filepath.Base(document), match[1])
			} else if anchor != "" && !info.IsDir() && strings.HasSuffix(path, ".md") && !anchors(t, path)[anchor] {
				t.Errorf("%s leads to %s, where there is no such heading", filepath.Base(document), match[1])
			}
		}
	}
}

// anchors are the anchors that GitHub gives to the headings of a document.
func anchors(t *testing.T, path string) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(string(raw), ""), -1) {
		found[strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-")] = true
	}
	return found
}
