// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumentation compares the documentation with the output of the plugin: every console block is a golden file.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "kubectl-inventory.md"))
	must(t, err)
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*.txt"))
	must(t, err)
	printed := map[string]bool{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(t, err)
		printed[string(content)] = true
	}
	blocks := strings.Split(string(text), "```console\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("the documentation has no console block")
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if !printed[block] {
			t.Errorf("this is not the output of the plugin; copy it from testdata/golden:\n%s", block)
		}
	}
}

func TestProviderFileByDefault(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv(providersVariable, "")
	if got := plugin(t, in("hub.kubeconfig"), "check", "-n", "team-a", "london",
		"--allow-local-servers"); got.code != exitError || !strings.Contains(got.err, home+"/.kube/clusterprofile-provider-file.json") {
		t.Errorf("the error must name the missing file; exit code %d: %s", got.code, got.err)
	}
	must(t, os.Mkdir(filepath.Join(home, ".kube"), 0o700))
	content, err := os.ReadFile(in("providers.json"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(home, ".kube", providersName), content, 0o600))
	if got := plugin(t, in("hub.kubeconfig"), "check", "-n", "team-a", "london", "--allow-local-servers"); got.code != 0 {
		t.Errorf("the file in the home folder is not used: %s%s", got.out, got.err)
	}
}
