// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build release

package release_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestArchives: each archive holds the program for its platform, stamped with the version and not with the checkout, and the licence.
func TestArchives(t *testing.T) {
	licence := string(contents(t, filepath.Join(root, "LICENSE")))
	for _, build := range builds() {
		t.Run(build.String(), func(t *testing.T) {
			files := unpack(t, build)
			if got := string(files["LICENSE"]); got != licence {
				t.Errorf("LICENSE is not that of the project: %d bytes", len(got))
			}
			binary, ok := files[build.binary()]
			if !ok || len(files) != 2 {
				t.Fatalf("%d files, and want LICENSE and %s", len(files), build.binary())
			}
			if !bytes.Contains(binary, []byte(version)) {
				t.Errorf("%s does not have the version %s", build.binary(), version)
			}
			got := map[string]string{}
			for _, setting := range information(t, binary).Settings {
				got[setting.Key] = setting.Value
			}
			for key, want := range map[string]string{
				"GOOS": build.system, "GOARCH": build.architecture, "CGO_ENABLED": "0", "-trimpath": "true", "vcs.revision": "",
			} {
				if got[key] != want {
					t.Errorf("built with %s=%q, want %q", key, got[key], want)
				}
			}
		})
	}
}

// TestBillsOfMaterials: that of each binary lists the modules that are in the binary, in their versions, and Go's own library.
func TestBillsOfMaterials(t *testing.T) {
	type component struct{ Name, Version string }
	for _, build := range builds() {
		t.Run(build.String(), func(t *testing.T) {
			var bill struct {
				BOMFormat  string
				Metadata   struct{ Component component }
				Components []component
			}
			if err := json.Unmarshal(contents(t, filepath.Join(out, build.String()+".cdx.json")), &bill); err != nil {
				t.Fatal(err)
			}
			info := information(t, unpack(t, build)[build.binary()])
			if want := (component{info.Main.Path, version}); bill.BOMFormat != "CycloneDX" || bill.Metadata.Component != want {
				t.Errorf("%s of %v, want CycloneDX of %v", bill.BOMFormat, bill.Metadata.Component, want)
			}
			want := []component{{"std", info.GoVersion}}
			for _, module := range info.Deps {
				want = append(want, component{module.Path, module.Version})
			}
			order := func(a, b component) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) }
			slices.SortFunc(want, order)
			slices.SortFunc(bill.Components, order)
			if diff := cmp.Diff(want, bill.Components); diff != "" {
				t.Errorf("-modules of the binary +components:\n%s", diff)
			}
		})
	}
}

func information(t *testing.T, binary []byte) *debug.BuildInfo {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// unpack returns the files in the archive of a build.
func unpack(t *testing.T, build build) map[string][]byte {
	t.Helper()
	raw := contents(t, filepath.Join(out, build.archive()))
	if build.system != "windows" {
		return untar(t, raw)
	}
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, entry := range archive.File {
		opened, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[entry.Name], err = io.ReadAll(opened); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// untar returns the files in a compressed tar archive.
func untar(t *testing.T, raw []byte) map[string][]byte {
	t.Helper()
	unzipped, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}
