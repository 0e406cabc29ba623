// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// phrases are refused everywhere; single words are in the list of misspell, which reads Go alone.
var phrases = []string{`for ever`, `of late`, `is no (?:valid )?(?:label|DNS) (?:value|name)`, `worth its while`}

// TestPlainEnglish: no text uses the words that docs/style.md replaces.
func TestPlainEnglish(t *testing.T) {
	banned := regexp.MustCompile(`(?i)\b(?:` + strings.Join(append(bannedWords(t), phrases...), "|") + `)\b`)
	for _, path := range tracked(t) {
		raw, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for number, line := range strings.Split(string(raw), "\n") {
			if word := banned.FindString(line); word != "" {
				t.Errorf("%s:%d: %q: docs/style.md has another word for it", path, number+1, word)
			}
		}
	}
}

// bannedWords returns the words that .golangci.yaml has misspell refuse.
func bannedWords(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, ".golangci.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Linters struct {
			Settings struct {
				Misspell struct {
					ExtraWords []struct{ Typo string } `json:"extra-words"`
				}
			}
		}
	}
	if err := yaml.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, word := range config.Linters.Settings.Misspell.ExtraWords {
		words = append(words, word.Typo)
	}
	if len(words) == 0 {
		t.Fatal(".golangci.yaml lists no words")
	}
	return words
}

// tracked returns the text files of the project, but for those that name the banned words and what others have written.
func tracked(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, path := range projectFiles(t, "*.go", "*.md", "*.yaml", "*.yml", "*.tpl", "*.txt", "Makefile", ".ci", "Dockerfile") {
		switch {
		case path == "docs/style.md", path == ".golangci.yaml", strings.HasSuffix(path, "language_test.go"):
		case strings.HasSuffix(path, "upstream.yaml"), strings.HasSuffix(path, "clusterprofile.yaml"):
		default:
			paths = append(paths, path)
		}
	}
	return paths
}
