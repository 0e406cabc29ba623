// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package conformance checks ClusterProfiles against what SIG-Multicluster asks of cluster managers: the requirements of
// KEP-4322, those of its conformance suite (cluster-inventory-api PR 78), and the rules by which v1alpha2 is stricter than
// the v1alpha1 that is served today. An object that keeps them now can be read, and updated, through v1alpha2 later.
package conformance

import (
	"fmt"
	"net/url"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/validation"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Check returns what is wrong with the profiles of one manager, a sentence each.
func Check(profiles []inventoryv1alpha1.ClusterProfile) []string {
	var faults []string
	members := map[string]string{}
	for i := range profiles {
		profile := &profiles[i]
		name := profile.Namespace + "/" + profile.Name
		for _, fault := range append(checkIdentity(profile), checkStatus(profile)...) {
			faults = append(faults, name+": "+fault)
		}
		member := profile.Namespace + "/" + profile.Labels[v1alpha1.LabelInventoryMemberID]
		if other, taken := members[member]; taken {
			faults = append(faults, fmt.Sprintf("%s: has the inventory-member-id of %s", name, other))
		}
		members[member] = name
	}
	return faults
}

func checkIdentity(profile *inventoryv1alpha1.ClusterProfile) []string {
	var faults []string
	manager := profile.Spec.ClusterManager.Name
	if profile.Labels[inventoryv1alpha1.LabelClusterManagerKey] != manager {
		faults = append(faults, "the label x-k8s.io/cluster-manager differs from spec.clusterManager.name")
	}
	if manager == "" || len(validation.IsValidLabelValue(manager)) > 0 {
		faults = append(faults, "spec.clusterManager.name is not a label value of 1 to 63 characters")
	}
	if profile.Labels[v1alpha1.LabelInventoryMemberID] == "" {
		faults = append(faults, "the label inventory-member-id is empty")
	}
	return faults
}

func checkStatus(profile *inventoryv1alpha1.ClusterProfile) []string {
	var faults []string
	for _, condition := range []string{inventoryv1alpha1.ClusterConditionControlPlaneHealthy, v1alpha1.ConditionJoined} {
		if meta.FindStatusCondition(profile.Status.Conditions, condition) == nil {
			faults = append(faults, "has no condition "+condition)
		}
	}
	if profile.Status.Version.Kubernetes == "" {
		faults = append(faults, "status.version.kubernetes is empty")
	}
	if len(profile.Status.CredentialProviders) > 0 {
		faults = append(faults, "has credentialProviders, which v1alpha2 has not")
	}
	if len(profile.Status.AccessProviders) > 64 {
		faults = append(faults, "has more than 64 access providers")
	}
	for i := range profile.Status.AccessProviders {
		provider := &profile.Status.AccessProviders[i]
		if provider.Name == "" || len(provider.Name) > 253 {
			faults = append(faults, "an access provider's name is not of 1 to 253 characters")
		}
		for _, fault := range checkCluster(&provider.Cluster) {
			faults = append(faults, fmt.Sprintf("access provider %s: %s", provider.Name, fault))
		}
	}
	return faults
}

func checkCluster(cluster *clientcmdv1.Cluster) []string {
	var faults []string
	if server, err := url.Parse(cluster.Server); err != nil || !server.IsAbs() || server.Host == "" || len(cluster.Server) > 2048 {
		faults = append(faults, "server is not an absolute URL with a host, of at most 2048 characters")
	}
	if len(cluster.TLSServerName) > 253 {
		faults = append(faults, "tls-server-name has more than 253 characters")
	}
	if cluster.ProxyURL != "" {
		proxy, err := url.Parse(cluster.ProxyURL)
		if err != nil || proxy.Scheme != "http" && proxy.Scheme != "https" && proxy.Scheme != "socks5" || proxy.Host == "" ||
			len(cluster.ProxyURL) > 2048 {
			faults = append(faults, "proxy-url is not an http, https or socks5 URL with a host, of at most 2048 characters")
		}
	}
	if cluster.CertificateAuthority != "" {
		faults = append(faults, "certificate-authority names a file")
	}
	extensions := map[string]bool{}
	for _, extension := range cluster.Extensions {
		if extensions[extension.Name] {
			faults = append(faults, fmt.Sprintf("has two extensions %q", extension.Name))
		}
		extensions[extension.Name] = true
		if extension.Name == "" || len(extension.Name) > 253 {
			faults = append(faults, "an extension's name is not of 1 to 253 characters")
		}
		if raw := string(extension.Extension.Raw); raw == "" || raw == "null" {
			faults = append(faults, fmt.Sprintf("the extension %q is empty", extension.Name))
		}
	}
	return faults
}
