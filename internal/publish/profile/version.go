// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/version"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/printable"
)

// kubernetesVersion is the lowest version that the control plane runs: during an upgrade that is what every client can rely
// on. It is empty where nobody has reported one. In order:
//
//	Cluster          status.controlPlane.versions   since Cluster API 1.14, where the provider reports versions
//	control plane    status.versions                the contract since 1.14
//	control plane    status.version                 the contract before
//	Cluster          spec.topology.version          what is wanted: true only when no upgrade is running
//
// What is no version of Kubernetes counts as not reported: providers of OpenShift put its release there.
func kubernetesVersion(f Facts) string {
	if v := reportedVersion(f.Cluster); v != "" {
		return v
	}
	if v := lowest(controlPlaneVersions(f.ControlPlane)); v != "" {
		return v
	}
	if v := lowest([]string{controlPlaneVersion(f.ControlPlane)}); v != "" {
		return v
	}
	if settled(f.Cluster) {
		return lowest([]string{f.Cluster.Spec.Topology.Version})
	}
	return ""
}

// versionNotReported says why a Cluster whose control plane is initialized has no version. One that is being deleted has none
// to report: its control plane object goes first.
func versionNotReported(f Facts) []Problem {
	if !ControlPlaneInitialized(f.Cluster) || !f.Cluster.DeletionTimestamp.IsZero() {
		return nil
	}
	ref := f.Cluster.Spec.ControlPlaneRef
	reported := append(controlPlaneVersions(f.ControlPlane), controlPlaneVersion(f.ControlPlane))
	var why string
	switch object := ref.Kind + " " + ref.Name; {
	case cmp.Or(clusterVersions(f.Cluster)...) != "":
		why = notOfKubernetes("the Cluster", cmp.Or(clusterVersions(f.Cluster)...))
	case ref.Kind == "":
		why = "the Cluster has no controlPlaneRef, and no status.controlPlane.versions, which Cluster API sets since v1.14"
	case f.ControlPlane == nil:
		why = object + " is not there, or the publisher may not read it"
	case cmp.Or(reported...) != "":
		why = notOfKubernetes(object, cmp.Or(reported...))
	default:
		why = object + " has neither status.versions nor status.version"
	}
	return []Problem{problem(v1alpha1.ProblemVersionNotReported, "no Kubernetes version is published: %s", why)}
}

func notOfKubernetes(reporter, reported string) string {
	return fmt.Sprintf(
		"%s reports %q, which is not a version of Kubernetes; OpenShift has releases of its own",
		reporter,
		printable.Line(reported, maxVersion),
	)
}

// NeedsControlPlaneVersion reports whether the version of a Cluster is to be read from its control plane object: the Cluster runs and does
// not report its version itself, as before Cluster API 1.14. Control planes are many, and nobody watches them for what is known without.
func NeedsControlPlaneVersion(cluster *clusterv1.Cluster) bool {
	return ControlPlaneInitialized(cluster) && reportedVersion(cluster) == ""
}

// reportedVersion is the lowest version that the Cluster itself reports; empty for none.
func reportedVersion(cluster *clusterv1.Cluster) string { return lowest(clusterVersions(cluster)) }

func clusterVersions(cluster *clusterv1.Cluster) []string {
	if cluster.Status.ControlPlane == nil {
		return nil
	}
	var versions []string
	for _, v := range cluster.Status.ControlPlane.Versions {
		versions = append(versions, v.Version)
	}
	return versions
}

func controlPlaneVersions(controlPlane map[string]any) []string {
	entries, _, _ := unstructured.NestedSlice(controlPlane, "status", "versions")
	var versions []string
	for _, entry := range entries {
		if entry, ok := entry.(map[string]any); ok {
			v, _, _ := unstructured.NestedString(entry, "version")
			versions = append(versions, v)
		}
	}
	return versions
}

func controlPlaneVersion(controlPlane map[string]any) string {
	v, _, _ := unstructured.NestedString(controlPlane, "status", "version")
	return v
}

// lowest returns the lowest of the versions that are Kubernetes', with the letter that Kubernetes puts in front; empty for none.
func lowest(versions []string) string {
	var least *version.Version
	spelt := ""
	for _, v := range versions {
		parsed := ofKubernetes(v)
		if parsed == nil || least != nil && !parsed.LessThan(least) {
			continue
		}
		least, spelt = parsed, "v"+strings.TrimPrefix(v, "v")
	}
	return spelt
}

// maxVersion is the length in bytes of the longest version that is published. Distributions add to Kubernetes' own, but not more
// than this.
const maxVersion = 64

var (
	// threePart is a semantic version.
	threePart = regexp.MustCompile(`^v?1\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$`)
	// twoPart is Amazon EKS' spelling: EKS chooses the patch version, and reports it nowhere.
	twoPart = regexp.MustCompile(`^v?1\.(0|[1-9]\d*)$`)
)

// ofKubernetes parses a version of Kubernetes; nil for anything else. Kubernetes has never had another major version than 1, and
// OpenShift, whose providers report its own release, none below 3.
func ofKubernetes(v string) *version.Version {
	if len(v) > maxVersion {
		return nil
	}
	parse := version.ParseSemantic
	switch {
	case twoPart.MatchString(v):
		parse = version.ParseGeneric
	case !threePart.MatchString(v):
		return nil
	}
	parsed, err := parse(v)
	if err != nil {
		return nil
	}
	return parsed
}

// settled reports whether the topology's version is the running one: Cluster API says that everything is as wanted.
func settled(cluster *clusterv1.Cluster) bool {
	return ControlPlaneInitialized(cluster) &&
		meta.IsStatusConditionTrue(cluster.Status.Conditions, clusterv1.ClusterTopologyReconciledCondition) &&
		!meta.IsStatusConditionTrue(cluster.Status.Conditions, clusterv1.ClusterRollingOutCondition)
}
