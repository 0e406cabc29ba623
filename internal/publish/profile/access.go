// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
)

// execExtension carries the parameters of a credential plugin (client.authentication.k8s.io; KEP-4322).
const execExtension = "client.authentication.k8s.io/exec"

// accessProviders decides the access providers, in the Inventory's order. One that cannot be renewed stays as it was last
// published, because to leave it out would take a working access away from every consumer; lapses says why, in a sentence for
// each of these and of the ones that never were.
func (inv *Inventory) accessProviders(
	f Facts,
) (providers []*inventoryac.AccessProviderApplyConfiguration, lapses []string, problems []Problem) {
	for _, c := range inv.candidates(f) {
		if c.cluster != nil {
			providers = append(providers, inventoryac.AccessProvider().WithName(c.Name).WithCluster(*c.cluster))
		}
		if c.fault == nil {
			problems = append(problems, c.warnings(c.cluster)...)
			continue
		}
		lapses = append(lapses, c.fault.Message)
		young := c.fault.Reason == v1alpha1.ProblemAccessNotGranted && f.grantPending(GrantName(c.profile.Name, c.Name))
		if ControlPlaneInitialized(f.Cluster) && !young {
			// Before that, nobody expects a kubeconfig, or an answer of the broker.
			problems = append(problems, *c.fault)
		}
	}
	return providers, lapses, problems
}

// warnings returns Problems for what is published but not read by current consumers.
func (p provider) warnings(cluster *clientcmdv1.Cluster) []Problem {
	switch {
	case cluster.TLSServerName != "":
		return []Problem{
			problem(
				v1alpha1.ProblemTLSServerNameIgnored,
				"access provider %s: consumers built with cluster-inventory-api v0.1.3 ignore tls-server-name %q "+
					"and will refuse the server's certificate",
				p.Name,
				cluster.TLSServerName,
			),
		}
	case cluster.InsecureSkipTLSVerify:
		return []Problem{
			problem(
				v1alpha1.ProblemTLSServerNameIgnored,
				"access provider %s: consumers built with cluster-inventory-api v0.1.3 ignore insecure-skip-tls-verify "+
					"and will refuse the server's certificate",
				p.Name,
			),
		}
	}
	return nil
}

// lastGood returns the provider as it is published, where the Inventory still asks for that and nobody else has changed any of it
// since: what another writer put there is never adopted. A provider that is to have a serviceAccount from now on stays what it was
// until the broker has granted access, as long as it is of the same Cluster. A granted access does not stay where no serviceAccount
// is asked for any more: it is revoked.
func (p provider) lastGood(f Facts, profile types.NamespacedName) *clientcmdv1.Cluster {
	published := f.Published.provider(p.Name)
	if published == nil || len(f.Published.foreignFields(p.Name, *published)) > 0 {
		return nil
	}
	reference, reads := p.reference(f.Cluster, profile)
	switch {
	case reads && refersTo(published, reference):
	case p.ServiceAccount != nil && f.Published.ClusterUID() == f.Cluster.UID:
	case p.exec != nil && !refersTo(published, p.grantedSecret(profile)):
	default:
		return nil
	}
	return published.DeepCopy()
}

// secretReference is what the plugin kubeconfig-secretreader reads. The namespace is always named: the plugin's default is
// its own, and Sveltos' is the profile's.
type secretReference struct {
	Key       string `json:"key"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

func refersTo(cluster *clientcmdv1.Cluster, want secretReference) bool {
	return slices.ContainsFunc(cluster.Extensions, func(e clientcmdv1.NamedExtension) bool {
		var got secretReference
		return e.Name == execExtension && json.Unmarshal(e.Extension.Raw, &got) == nil && got == want
	})
}

// clusterOf spells an endpoint as an access provider does, with the parameters of the plugin where there are any.
func clusterOf(endpoint endpoint.Endpoint, parameters any) (*clientcmdv1.Cluster, error) {
	cluster := &clientcmdv1.Cluster{
		Server:                   endpoint.Server,
		CertificateAuthorityData: endpoint.CertificateAuthorityData,
		ProxyURL:                 endpoint.ProxyURL,
		TLSServerName:            endpoint.TLSServerName,
		InsecureSkipTLSVerify:    endpoint.InsecureSkipTLSVerify,
	}
	if parameters == nil {
		return cluster, nil
	}
	raw, err := json.Marshal(parameters)
	if err != nil {
		return nil, fmt.Errorf("encoding the plugin's parameters: %w", err)
	}
	cluster.Extensions = []clientcmdv1.NamedExtension{{Name: execExtension, Extension: runtime.RawExtension{Raw: raw}}}
	return cluster, nil
}

// endpoint is what the kubeconfig in the Secret says, or why it says nothing.
func (f Facts) endpoint(cluster *clusterv1.Cluster, provider string, key SecretKey) (endpoint.Endpoint, *Problem) {
	found, ok := f.Kubeconfigs[key]
	if !ok {
		found.Rejected = &endpoint.RejectedError{Reason: SecretNotRead, Message: "the Secret has not been read yet"}
	}
	if found.Rejected != nil {
		rejected := problem(
			v1alpha1.ProblemKubeconfig+string(found.Rejected.Reason),
			"access provider %s: Secret %s/%s: %s.",
			provider,
			cluster.Namespace,
			key.Name,
			found.Rejected.Message,
		)
		return endpoint.Endpoint{}, &rejected
	}
	return found.Endpoint, nil
}
