// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/test/assets"
)

// maxLines is how long the README may be: what is longer belongs into docs.
const maxLines = 120

func TestReadmeIsShort(t *testing.T) {
	if lines := strings.Count(contents(t, "README.md"), "\n"); lines > maxLines {
		t.Errorf("README.md has %d lines, and may have %d", lines, maxLines)
	}
}

// TestVersions: the versions that README.md and docs/compatibility.md call tested are those of the modules and of the test assets, and the
// oldest Kubernetes is that of the chart.
func TestVersions(t *testing.T) {
	var chart struct{ KubeVersion string }
	if err := yaml.Unmarshal([]byte(contents(t, "charts/capi-inventory/Chart.yaml")), &chart); err != nil {
		t.Fatal(err)
	}
	oldest := strings.TrimSuffix(strings.TrimPrefix(chart.KubeVersion, ">="), ".0-0")
	kubernetes := strings.TrimPrefix(assets.KubernetesVersion, "v")
	clusterAPI := strings.TrimPrefix(moduleVersion(t, "sigs.k8s.io/cluster-api/api"), "v")
	for _, document := range []string{"README.md", "docs/compatibility.md"} {
		for _, row := range []string{
			"| Cluster API | 1.11 and later (`v1beta2`) | " + clusterAPI + " |",
			"| Kubernetes, the hub | " + oldest + " and later | " + kubernetes + " |",
			"| Kubernetes, the spokes | those that Cluster API supports | " + kubernetes + " |",
			"| ClusterProfile API | `multicluster.x-k8s.io/v1alpha1`, `v1alpha2` | cluster-inventory-api " +
				moduleVersion(t, "sigs.k8s.io/cluster-inventory-api") + " |",
		} {
			if !strings.Contains(contents(t, document), "\n"+row+"\n") {
				t.Errorf("%s lacks the row\n%s", document, row)
			}
		}
	}
}

func moduleVersion(t *testing.T, path string) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", path)
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// TestTargets: every target of make that a document or a workflow names is there.
func TestTargets(t *testing.T) {
	targets := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^([a-z0-9-]+):`).FindAllStringSubmatch(contents(t, "Makefile"), -1) {
		targets[match[1]] = true
	}
	// A command is in a block, between backquotes, or what a workflow runs; anything else is prose.
	block := regexp.MustCompile("(?ms)^ *```.*?^ *```|`[^`\n]+`|^    \\S.*?$|run: .*?$")
	command := regexp.MustCompile("(?m)(?:^ *|`|run: )(?:[A-Z_]+=\\S+ )*make ((?:[a-z0-9-]+(?: |$|`))+)")
	matrix := regexp.MustCompile(`(?m)^ +target: \[(.+)\]$`)
	found := 0
	for _, file := range projectFiles(t, "*.md", ".github/*.yaml") {
		commands := strings.Join(block.FindAllString(contents(t, file), -1), "\n")
		for _, match := range matrix.FindAllStringSubmatch(contents(t, file), -1) {
			commands += "\nmake " + strings.ReplaceAll(match[1], ",", "")
		}
		for _, match := range command.FindAllStringSubmatch(commands, -1) {
			for _, target := range strings.Fields(strings.ReplaceAll(match[1], "`", " ")) {
				found++
				if !targets[target] {
					t.Errorf("%s names `make %s`, and the Makefile has no such target", file, target)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no document names a target")
	}
}
