// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
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
	same(kustomize(t, "config/crd/clusterprofile"), filepath.Join(chart, "files/clusterprofile.yaml"))
}

// TestProviderFile: the consumer knows the same plugins, called in the same way, whichever way it is installed.
func TestProviderFile(t *testing.T) {
	const name = "clusterprofile-provider-file.json"
	decode := func(text string) (file any) {
		if err := json.Unmarshal([]byte(text), &file); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for _, object := range render(t, "") {
		if object.GetKind() != "ConfigMap" {
			continue
		}
		want := decode(contents(t, filepath.Join(root, "config/manager/consumer", name)))
		if diff := cmp.Diff(want, decode(as[corev1.ConfigMap](t, object).Data[name])); diff != "" {
			t.Errorf("%s, -config/manager +chart:\n%s", name, diff)
		}
		return
	}
	t.Error("the chart has no provider file")
}

func TestLint(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), helm, "lint", "--strict", chart).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
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
