// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestVersionsAsProvidersSpellThem: every provider has a spelling of its own; a profile has one.
func TestVersionsAsProvidersSpellThem(t *testing.T) {
	for name, tc := range map[string]struct{ why, reported, want string }{
		"Kubeadm":    {why: "Kubernetes' own spelling", reported: "v1.36.3", want: "v1.36.3"},
		"GKE":        {why: "CAPG drops the letter", reported: "1.33.4", want: "v1.33.4"},
		"EKS":        {why: "EKS reports no patch version, and none is invented", reported: "1.33", want: "v1.33"},
		"EKSLetter":  {why: "a person may write it so", reported: "v1.33", want: "v1.33"},
		"RKE2":       {why: "the distribution's release is a part of it", reported: "v1.33.4+rke2r1", want: "v1.33.4+rke2r1"},
		"K0s":        {why: "likewise", reported: "v1.33.4-k0s.0", want: "v1.33.4-k0s.0"},
		"Prerelease": {why: "a release candidate is a version", reported: "v1.37.0-rc.1", want: "v1.37.0-rc.1"},
		"OpenShift":  {why: "OpenShift 4.19 is Kubernetes 1.32, and says so nowhere", reported: "4.19.20"},
		"OpenShiftY": {why: "likewise without a patch", reported: "4.19"},
		"Major":      {why: "a major version alone is not enough", reported: "1"},
		"Zero":       {why: "CAPA's reading of what cannot be read", reported: "0.0.0"},
		"Text":       {why: "a provider's object may hold anything", reported: "latest"},
		"TwoAndText": {why: "what follows two numbers is not understood", reported: "1.33 <script>"},
		"Spaces":     {why: "nor are spaces a part of a version", reported: " v1.33.4"},
		"Long":       {why: "build metadata has no limit of its own", reported: "v1.33.4+" + strings.Repeat("x", 100)},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts(fixture.Cluster("a", "c1", initialized))
			f.ControlPlane = map[string]any{"status": map[string]any{"version": tc.reported}}
			out, problems := compile(t, v1alpha1.InventorySpec{}).Status(f, 1)
			got := ""
			if out.Status.Version != nil {
				got = *out.Status.Version.Kubernetes
			}
			if got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
			if reported := len(problems) == 1 && problems[0].Reason == v1alpha1.ProblemVersionNotReported; reported != (tc.want == "") {
				t.Errorf("%s: problems %v", tc.why, problems)
			}
			for _, p := range problems {
				if len(p.Message) > 512 {
					t.Errorf("the message has %d bytes", len(p.Message))
				}
			}
		})
	}
}

func TestLowestOfMixedSpellings(t *testing.T) {
	f := facts(fixture.Cluster("a", "c1", fixture.Provisioned(""), fixture.Versions("1.33.2", "4.19.20", "1.33", "v1.33.1")))
	if got := *status(t, f).Version.Kubernetes; got != "v1.33" {
		t.Errorf("a version without a patch may be the lowest of its minor version: got %s", got)
	}
}

// TestMissingVersionIsReported: an empty version is never silent once the control plane runs.
func TestMissingVersionIsReported(t *testing.T) {
	standalone := func(cluster *clusterv1.Cluster) {
		cluster.Spec.ControlPlaneRef = clusterv1.ContractVersionedObjectReference{}
	}
	deleting := func(cluster *clusterv1.Cluster) {
		cluster.DeletionTimestamp = &metav1.Time{Time: now.Add(-time.Minute)}
	}
	plane := func(status map[string]any) map[string]any { return map[string]any{"status": status} }
	for name, tc := range map[string]struct {
		why          string
		options      []fixture.ClusterOption
		controlPlane map[string]any
		says         string
	}{
		"NotInitialized": {why: "none is expected yet"},
		"Deleting": {
			why:     "the control plane object goes before its Cluster",
			options: []fixture.ClusterOption{initialized, deleting},
		},
		"Nothing": {
			why:          "the provider does not report one",
			options:      []fixture.ClusterOption{initialized},
			controlPlane: plane(nil),
			says:         "KubeadmControlPlane c1 has neither status.versions nor status.version",
		},
		"NoObject": {
			why:     "a missing right looks like a missing object",
			options: []fixture.ClusterOption{initialized},
			says:    "KubeadmControlPlane c1 is not there, or the publisher may not read it",
		},
		"OpenShift": {
			why:          "the reader must learn what that number is",
			options:      []fixture.ClusterOption{initialized},
			controlPlane: plane(map[string]any{"version": "4.19.20"}),
			says:         `KubeadmControlPlane c1 reports "4.19.20", which is not a version of Kubernetes`,
		},
		"OfTheCluster": {
			why:          "likewise where Cluster API hands it on",
			options:      []fixture.ClusterOption{initialized, fixture.Versions("4.19.20")},
			controlPlane: plane(nil),
			says:         `the Cluster reports "4.19.20", which is not a version of Kubernetes`,
		},
		"Standalone": {
			why:     "before Cluster API 1.14 nothing says it",
			options: []fixture.ClusterOption{initialized, standalone},
			says:    "the Cluster has no controlPlaneRef, and no status.controlPlane.versions",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts(fixture.Cluster("a", "c1", tc.options...))
			f.ControlPlane = tc.controlPlane
			out, problems := compile(t, v1alpha1.InventorySpec{}).Status(f, 1)
			if out.Status.Version != nil {
				t.Errorf("%s: published %s", tc.why, *out.Status.Version.Kubernetes)
			}
			var reported []profile.Problem
			for _, p := range problems {
				if p.Reason == v1alpha1.ProblemVersionNotReported {
					reported = append(reported, p)
				}
			}
			switch {
			case tc.says == "" && len(reported) > 0:
				t.Errorf("%s: got %v", tc.why, reported)
			case tc.says != "" && (len(reported) != 1 || !strings.Contains(reported[0].Message, tc.says)):
				t.Errorf("%s: got %v, want %q", tc.why, reported, tc.says)
			}
		})
	}
}
