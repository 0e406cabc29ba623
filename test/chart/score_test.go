// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// critical is kube-score's grade of what must be fixed; a warning is 5.
const critical = 1

// TestScore: what kube-score finds critical is what the README of the chart answers, and nothing else.
func TestScore(t *testing.T) {
	_, answers, found := strings.Cut(contents(t, filepath.Join(chart, "README.md")), "\n## kube-score\n")
	answers, _, _ = strings.Cut(answers, "\n## ")
	var answered []string
	for _, match := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(answers, -1) {
		answered = append(answered, match[1])
	}
	if !found || len(answered) == 0 {
		t.Fatal("the README of the chart answers no finding of kube-score")
	}
	slices.Sort(answered)
	if diff := cmp.Diff(answered, criticalFindings(t)); diff != "" {
		t.Errorf("-answered +found:\n%s", diff)
	}
}

// criticalFindings returns the checks that fail for all that the chart can install.
func criticalFindings(t *testing.T) []string {
	t.Helper()
	var stdout bytes.Buffer
	score := exec.CommandContext(t.Context(), "go", "tool", "-modfile=go.chart.mod", "kube-score", "score", "--output-format=json", "-")
	score.Dir, score.Stdin, score.Stdout, score.Stderr = root, bytes.NewReader(installable(t)), &stdout, os.Stderr
	// It exits with 1 where it finds anything critical.
	_ = score.Run()
	var objects []struct {
		Checks []struct {
			Check   struct{ ID string }
			Grade   int
			Skipped bool
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &objects); err != nil || len(objects) == 0 {
		t.Fatalf("%d objects: %v", len(objects), err)
	}
	var found []string
	for _, object := range objects {
		for _, check := range object.Checks {
			if check.Grade == critical && !check.Skipped {
				found = append(found, check.Check.ID)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// installable renders all that the chart can install.
func installable(t *testing.T) []byte {
	t.Helper()
	var manifests bytes.Buffer
	for _, object := range render(t, "access: {mode: scoped}\nnetworkPolicy: {enabled: true}", onHub(t)...) {
		text, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		manifests.WriteString("---\n" + string(text))
	}
	return manifests.Bytes()
}
