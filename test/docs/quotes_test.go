// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// quote is a link to a file of the recipes that begins a line, and the block that follows it.
var quote = regexp.MustCompile(
	"(?m)^\\[[^]]+\\]\\((?:\\.\\./)+((?:" + samples + "|" + federationSamples + ")/[^)]+)\\)[^\\n]*\\n\\n```\\w+\\n((?s).*?)```$")

// recipePages are the pages that show the files of recipes.
func recipePages(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(root, "docs", "integrations", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("there are no pages of integrations: %v", err)
	}
	names := []string{"docs/federation.md"}
	for _, page := range pages {
		names = append(names, "docs/integrations/"+filepath.Base(page))
	}
	return names
}

// TestQuotes: what the pages show of a recipe is the file that is tested, and they show all of them.
func TestQuotes(t *testing.T) {
	shown := map[string]string{}
	for _, page := range recipePages(t) {
		for _, match := range quote.FindAllStringSubmatch(contents(t, page), -1) {
			shown[match[1]] = match[2]
		}
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
			t.Errorf("%s and what docs/integrations or docs/federation.md shows of it:\n%s", name, diff)
		}
		delete(shown, name)
	}
	for name := range shown {
		t.Errorf("the pages show %s, which does not exist", name)
	}
}
