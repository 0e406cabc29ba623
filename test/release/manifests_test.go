// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build release

package release_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// TestManifests: each parses, and runs the images of this version.
func TestManifests(t *testing.T) {
	for name, want := range map[string][]string{
		"install.yaml":          {"consumer", "publisher"},
		"broker.yaml":           {"broker"},
		"addon-components.yaml": {"consumer", "publisher"},
		"clusterprofile.yaml":   nil,
		"metadata.yaml":         nil,
	} {
		expectImages(t, name, contents(t, filepath.Join(out, name)), want)
	}
}

// TestChart: the packaged chart is that of this version, and so are its images.
func TestChart(t *testing.T) {
	var metadata struct{ Version, AppVersion string }
	if err := yaml.Unmarshal(untar(t, contents(t, filepath.Join(out, chart)))["capi-inventory/Chart.yaml"], &metadata); err != nil {
		t.Fatal(err)
	}
	if "v"+metadata.Version != version || metadata.AppVersion != version {
		t.Errorf("%+v, want %s", metadata, version)
	}
	render := exec.CommandContext(t.Context(), "go", "tool", "-modfile=go.tools.mod", "helm", "template", "capi-inventory",
		absolute(t, filepath.Join(out, chart)), "--set", "access.mode=scoped")
	render.Dir, render.Stderr = root, os.Stderr
	rendered, err := render.Output()
	if err != nil {
		t.Fatal(err)
	}
	expectImages(t, chart, rendered, []string{"broker", "consumer", "publisher"})
}

// expectImages decodes manifests, and compares the programs whose images of this version they name.
func expectImages(t *testing.T, name string, manifests []byte, want []string) {
	t.Helper()
	objects := 0
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096); ; objects++ {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if objects == 0 {
		t.Errorf("%s has no object", name)
	}
	var got []string
	for _, match := range regexp.MustCompile(`(?m)^ +(?:- )?image: (.+)$`).FindAllSubmatch(manifests, -1) {
		image := regexp.MustCompile(`^"?ghcr\.io/capi-inventory/([a-z]+):` + regexp.QuoteMeta(version) + `"?$`).FindSubmatch(match[1])
		if image == nil {
			t.Errorf("%s runs the image %s", name, match[1])
			continue
		}
		got = append(got, string(image[1]))
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		t.Errorf("images of %s, -want +got:\n%s", name, diff)
	}
}
