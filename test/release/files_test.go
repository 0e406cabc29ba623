// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build release

package release_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

const (
	checksums = "checksums.txt"
	krew      = "inventory.yaml"
	chart     = "capi-inventory-0.0.0-test.1.tgz"
)

var manifests = []string{"addon-components.yaml", "broker.yaml", "clusterprofile.yaml", "install.yaml", "metadata.yaml"}

// TestFiles: the files of a release are these, and no others.
func TestFiles(t *testing.T) {
	want := append([]string{checksums, krew, chart}, manifests...)
	for _, build := range builds() {
		want = append(want, build.archive(), build.String()+".cdx.json")
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, names(t, out)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestChecksums: those of all files that are uploaded match. The manifest for krew is not one of them, and lists checksums itself.
func TestChecksums(t *testing.T) {
	want, got := map[string]string{}, map[string]string{}
	for _, name := range names(t, out) {
		if name != checksums && name != krew {
			want[name] = digest(contents(t, filepath.Join(out, name)))
		}
	}
	for line := range strings.Lines(string(contents(t, filepath.Join(out, checksums)))) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		got[name] = sum
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-files +%s:\n%s", checksums, diff)
	}
}

// TestKrew: the manifest names each archive of the plugin, with its checksum and platform.
func TestKrew(t *testing.T) {
	type platform struct {
		Bin, SHA256, URI string
		Selector         struct{ MatchLabels map[string]string }
	}
	var manifest struct {
		Metadata struct{ Name string }
		Spec     struct {
			Version   string
			Platforms []platform
		}
	}
	if err := yaml.Unmarshal(contents(t, filepath.Join(out, krew)), &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Metadata.Name != "inventory" || manifest.Spec.Version != version {
		t.Errorf("the manifest is that of %s %s", manifest.Metadata.Name, manifest.Spec.Version)
	}
	want := map[string]string{}
	for _, build := range builds() {
		if build.program == "kubectl-inventory" {
			want[build.archive()] = strings.Join([]string{
				build.system, build.architecture, build.binary(), digest(contents(t, filepath.Join(out, build.archive()))),
			}, " ")
		}
	}
	got := map[string]string{}
	for _, platform := range manifest.Spec.Platforms {
		labels := platform.Selector.MatchLabels
		got[path.Base(platform.URI)] = strings.Join([]string{labels["os"], labels["arch"], platform.Bin, platform.SHA256}, " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-archives +manifest:\n%s", diff)
	}
}

// TestReproducible: another checkout of the commit gives the same bytes, in another folder.
func TestReproducible(t *testing.T) {
	if changed := git(t, "status", "--porcelain"); changed != "" {
		t.Skipf("SKIPPED: only what is committed can be built elsewhere:\n%s", changed)
	}
	elsewhere := filepath.Join(t.TempDir(), "another", "checkout")
	if err := exec.CommandContext(t.Context(), "git", "clone", "--quiet", absolute(t, root), elsewhere).Run(); err != nil {
		t.Fatal(err)
	}
	if err := snapshot(elsewhere); err != nil {
		t.Fatal(err)
	}
	digests := func(folder string) map[string]string {
		found := map[string]string{}
		for _, name := range names(t, folder) {
			found[name] = digest(contents(t, filepath.Join(folder, name)))
		}
		return found
	}
	if diff := cmp.Diff(digests(out), digests(filepath.Join(elsewhere, "out"))); diff != "" {
		t.Errorf("-here +elsewhere:\n%s", diff)
	}
}

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
