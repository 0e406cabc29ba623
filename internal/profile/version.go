// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/version"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/internal/expression"
)

// kubernetesVersion is the lowest version that the control plane runs: during an upgrade that is what every client can rely
// on. It is empty where nobody has reported one. In order:
//
//	Cluster          status.controlPlane.versions   since Cluster API 1.14, where the provider reports versions
//	control plane    status.versions                the contract since 1.14
//	control plane    status.version                 the contract before
//	Cluster          spec.topology.version          what is wanted: true only when no upgrade is running
func kubernetesVersion(f Facts) string {
	if v := reportedVersion(f.Cluster); v != "" {
		return v
	}
	if v := lowest(controlPlaneVersions(f.ControlPlane)); v != "" {
		return v
	}
	if v, _, _ := unstructured.NestedString(f.ControlPlane, "status", "version"); lowest([]string{v}) != "" {
		return v
	}
	if settled(f.Cluster) {
		return lowest([]string{f.Cluster.Spec.Topology.Version})
	}
	return ""
}

// UsesControlPlane reports whether the profile of a Cluster is made of its control plane object too: an expression reads it,
// or the Cluster runs and does not report its version itself. Control planes are many and large, and nobody watches them for
// what is known without.
func (inv *Inventory) UsesControlPlane(cluster *clusterv1.Cluster) bool {
	return inv.Uses(expression.ControlPlane) || controlPlaneInitialized(cluster) && reportedVersion(cluster) == ""
}

// reportedVersion is the lowest version that the Cluster itself reports; empty for none.
func reportedVersion(cluster *clusterv1.Cluster) string {
	status := cluster.Status.ControlPlane
	if status == nil {
		return ""
	}
	reported := make([]string, 0, len(status.Versions))
	for _, v := range status.Versions {
		reported = append(reported, v.Version)
	}
	return lowest(reported)
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

// lowest returns the lowest of the versions that can be parsed, as it is spelt; empty for none.
func lowest(versions []string) string {
	var least *version.Version
	spelt := ""
	for _, v := range versions {
		parsed, err := version.ParseSemantic(v)
		if err != nil || least != nil && !parsed.LessThan(least) {
			continue
		}
		least, spelt = parsed, v
	}
	return spelt
}

// settled reports whether the topology's version is the running one: Cluster API says that everything is as wanted.
func settled(cluster *clusterv1.Cluster) bool {
	return controlPlaneInitialized(cluster) &&
		meta.IsStatusConditionTrue(cluster.Status.Conditions, clusterv1.ClusterTopologyReconciledCondition) &&
		!meta.IsStatusConditionTrue(cluster.Status.Conditions, clusterv1.ClusterRollingOutCondition)
}
