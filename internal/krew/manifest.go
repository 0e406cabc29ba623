// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package krew packages the kubectl plugin for krew: an archive for each platform, the same bytes for the same binary, and
// the manifest that names them with their checksums.
package krew

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"

	"sigs.k8s.io/yaml"
)

const (
	// plugin is the name of the plugin, and of the manifest: krew takes both from one another.
	plugin = "inventory"
	// Binary is the name of the program, by which kubectl finds the plugin.
	Binary  = "kubectl-" + plugin
	project = "https://github.com/capi-inventory/capi-inventory"
)

// ManifestName is the name of the manifest's file.
const ManifestName = plugin + ".yaml"

// Platform is an operating system and an architecture, as Go spells them.
type Platform struct{ OS, Arch string }

// Platforms are those that the plugin is packaged for.
var Platforms = []Platform{{"darwin", "amd64"}, {"darwin", "arm64"}, {"linux", "amd64"}, {"linux", "arm64"}}

// ArchiveName is the name of a platform's archive in a release.
func (p Platform) ArchiveName() string { return fmt.Sprintf("%s-%s-%s.tar.gz", Binary, p.OS, p.Arch) }

// The manifest's format (krew.googlecontainertools.github.com/v1alpha2), as far as it is used.
type (
	manifest struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Metadata   map[string]string `json:"metadata"`
		Spec       spec              `json:"spec"`
	}
	spec struct {
		Version          string     `json:"version"`
		Homepage         string     `json:"homepage"`
		ShortDescription string     `json:"shortDescription"`
		Description      string     `json:"description"`
		Caveats          string     `json:"caveats"`
		Platforms        []platform `json:"platforms"`
	}
	platform struct {
		Selector selector `json:"selector"`
		URI      string   `json:"uri"`
		SHA256   string   `json:"sha256"`
		Bin      string   `json:"bin"`
	}
	selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	}
)

const description = `Looks at ClusterProfiles (multicluster.x-k8s.io), of whatever cluster manager:
list them with their reachability, check their spokes from here, explain where
each field comes from, lint them against the rules of Headlamp, Argo CD, Kueue,
Sveltos, Knative and multicluster-runtime, and write a kubeconfig for them.
`

const caveats = `check and kubeconfig need a provider file, which says which credential plugin to
run for which access provider:
  ` + project + `/blob/main/docs/kubectl-inventory.md
`

// semantic is a version as krew reads it: semantic versioning, after a v.
var semantic = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)

// Manifest names the archives of a release, each by its platform.
func Manifest(release string, archives map[Platform][]byte) ([]byte, error) {
	if !semantic.MatchString(release) {
		return nil, fmt.Errorf("version: %q is no semantic version that begins with v, such as v0.1.0", release)
	}
	m := manifest{
		APIVersion: "krew.googlecontainertools.github.com/v1alpha2",
		Kind:       "Plugin",
		Metadata:   map[string]string{"name": plugin},
		Spec: spec{
			Version:          release,
			Homepage:         project,
			ShortDescription: "List, check, explain and lint ClusterProfiles",
			Description:      description,
			Caveats:          caveats,
		},
	}
	for at, archive := range archives {
		sum := sha256.Sum256(archive)
		m.Spec.Platforms = append(m.Spec.Platforms, platform{
			Selector: selector{MatchLabels: map[string]string{"os": at.OS, "arch": at.Arch}},
			URI:      fmt.Sprintf("%s/releases/download/%s/%s", project, release, at.ArchiveName()),
			SHA256:   hex.EncodeToString(sum[:]),
			Bin:      Binary,
		})
	}
	slices.SortFunc(m.Spec.Platforms, func(a, b platform) int { return cmp.Compare(a.URI, b.URI) })
	return yaml.Marshal(m)
}
