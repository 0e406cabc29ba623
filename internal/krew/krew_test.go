// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package krew_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"io"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/internal/krew"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestManifest(t *testing.T) {
	archives := map[krew.Platform][]byte{}
	for _, platform := range krew.Platforms {
		archives[platform] = []byte(platform.ArchiveName())
	}
	got, err := krew.Manifest("v0.1.0", archives)
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/inventory.yaml"
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	var manifest struct {
		Spec struct {
			ShortDescription string
			Platforms        []struct {
				Selector struct{ MatchLabels map[string]string }
				SHA256   string
			}
		}
	}
	if err := yaml.Unmarshal(got, &manifest); err != nil {
		t.Fatal(err)
	}
	if n := len(manifest.Spec.ShortDescription); n > 50 {
		t.Errorf("krew's index wants a short description of at most 50 characters; it has %d", n)
	}
	for _, platform := range manifest.Spec.Platforms {
		labels := platform.Selector.MatchLabels
		sum := sha256.Sum256(archives[krew.Platform{OS: labels["os"], Arch: labels["arch"]}])
		if platform.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("the checksum of %v is of another archive", labels)
		}
	}
}

func TestManifestRefuses(t *testing.T) {
	for _, version := range []string{"", "0.1.0", "v1", "main", "v1.2.3 "} {
		if _, err := krew.Manifest(version, nil); err == nil {
			t.Errorf("krew cannot install the version %q", version)
		}
	}
}

func TestArchive(t *testing.T) {
	first, err := krew.Archive([]byte("program"), []byte("licence"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := krew.Archive([]byte("program"), []byte("licence"))
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("two packings of the same differ, so nobody could check one; %v", err)
	}
	compressed, err := gzip.NewReader(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for archive := tar.NewReader(compressed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		got[header.Name] = header.FileInfo().Mode().String() + " " + string(content)
	}
	if diff := cmp.Diff(map[string]string{"kubectl-inventory": "-rwxr-xr-x program", "LICENSE": "-rw-r--r-- licence"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
