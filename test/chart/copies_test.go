// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// TestCopies: a chart can hold nothing that is outside its folder, so the CRDs are copies.
func TestCopies(t *testing.T) {
	originals, err := filepath.Glob(filepath.Join(root, "config/crd/bases/*.yaml"))
	if err != nil || len(originals) == 0 {
		t.Fatal(originals, err)
	}
	same := func(want []byte, path string) {
		t.Helper()
		if diff := cmp.Diff(string(want), contents(t, path)); diff != "" {
			t.Errorf("%s is not what it is a copy of (make chart):\n%s", path, diff)
		}
	}
	for _, original := range originals {
		same([]byte(contents(t, original)), filepath.Join(chart, "crds", filepath.Base(original)))
	}
	profiles, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, "config/crd/clusterprofile"))
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := profiles.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	same(rendered, filepath.Join(chart, "files/clusterprofile.yaml"))
}

func TestLint(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), helm, "lint", "--strict", chart).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// ofLibraries are the metrics of controller-runtime and of Go's Prometheus client that alerts and dashboard ask for.
var ofLibraries = []string{"leader_election_master_status", "controller_runtime_reconcile_errors_total", "process_resident_memory_bytes"}

// TestQueries: an alert on a metric that does not exist never fires.
func TestQueries(t *testing.T) {
	var exist []string
	for _, source := range []string{"controllers/publisher/metrics.go", "controllers/consumer/metrics.go"} {
		exist = append(exist, regexp.MustCompile(`capi_inventory_\w+`).FindAllString(contents(t, filepath.Join(root, source)), -1)...)
	}
	word := regexp.MustCompile(`\b(capi_inventory|leader_election|controller_runtime|process)_\w+`)
	for _, path := range []string{"templates/rules.yaml", "files/dashboard.json"} {
		asked := word.FindAllString(contents(t, filepath.Join(chart, path)), -1)
		if len(asked) == 0 {
			t.Errorf("%s asks for no metric", path)
		}
		for _, metric := range asked {
			metric = regexp.MustCompile(`_bucket$`).ReplaceAllString(metric, "")
			if !slices.Contains(exist, metric) && !slices.Contains(ofLibraries, metric) {
				t.Errorf("%s asks for %s, which nobody counts", path, metric)
			}
		}
	}
}

func contents(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
