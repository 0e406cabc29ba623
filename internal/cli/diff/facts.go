// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// facts returns what the publisher would know when it decides the profile of a claim.
func (p *pass) facts(claim profile.Claim) profile.Facts {
	facts := profile.Facts{
		Manager:           p.manager(),
		Cluster:           p.cluster,
		Waiting:           map[string]profile.Unknown{},
		SpokeCheck:        p.Checks[claim.Profile],
		SpokeCheckUnknown: p.Checks == nil,
		Now:               p.Now,
	}
	if live := p.live[claim.Profile]; p.ownership(live) == profile.Owned {
		facts.Published = live
	}
	facts.ControlPlane = p.object(&facts, cel.ControlPlane, claim.Inventory)
	facts.Infrastructure = p.object(&facts, cel.Infrastructure, claim.Inventory)
	facts.Kubeconfigs = p.kubeconfigs(facts.Published, claim.Inventory)
	return facts
}

// notRead is why an object is not known that no expression reads. What is published of it, the version, stays in the comparison.
const notRead = "(not read)"

// object returns an object that the Cluster refers to; nil if there is none, or if it is not known.
func (p *pass) object(facts *profile.Facts, variable string, inventory *profile.Inventory) map[string]any {
	ref := p.cluster.Spec.ControlPlaneRef
	if variable == cel.Infrastructure {
		ref = p.cluster.Spec.InfrastructureRef
	}
	kind := schema.GroupKind{Group: ref.APIGroup, Kind: ref.Kind}
	why, hidden := p.Hidden[kind]
	switch {
	case hidden && inventory.Uses(variable):
		facts.Waiting[variable] = profile.Unknown{Why: why, Long: true}
	case hidden || !p.uses[variable]:
		facts.Waiting[variable] = profile.Unknown{Why: notRead}
	}
	return p.Objects[Reference{kind, types.NamespacedName{Namespace: p.cluster.Namespace, Name: ref.Name}}]
}

// kubeconfigs returns the endpoints in the Secrets that an Inventory needs. Secrets are not read: what an edit changes does not depend
// on what is in them. An endpoint is the one that is published of the Secret, or stands for it by the Secret's name. Before the control
// plane is initialized, there is no Secret.
func (p *pass) kubeconfigs(published *profile.Live, inventory *profile.Inventory) map[profile.SecretKey]profile.Kubeconfig {
	known := p.publishedEndpoints(published)
	kubeconfigs := map[profile.SecretKey]profile.Kubeconfig{}
	for _, key := range inventory.Secrets(p.cluster) {
		at, found := known[key]
		switch {
		case found:
		case !profile.ControlPlaneInitialized(p.cluster):
			kubeconfigs[key] = profile.Kubeconfig{Rejected: &endpoint.RejectedError{
				Reason: profile.SecretNotFound, Message: "there is no such Secret before the control plane is initialized",
			}}
			continue
		default:
			at.Server = fmt.Sprintf("the server in the Secret %s/%s (%s)", p.cluster.Namespace, key.Name, key.Key)
		}
		kubeconfigs[key] = profile.Kubeconfig{Endpoint: at}
	}
	return kubeconfigs
}

// publishedEndpoints returns the endpoints that a profile shows of Secrets.
func (p *pass) publishedEndpoints(published *profile.Live) map[profile.SecretKey]endpoint.Endpoint {
	if published == nil {
		return nil
	}
	_, inventory, _ := published.Provenance()
	secrets := map[string]profile.SecretKey{}
	if source := p.class.before.sources[inventory]; source != nil {
		secrets = secretsOf(source, p.cluster.Name)
	}
	known := map[profile.SecretKey]endpoint.Endpoint{}
	for _, provider := range published.Status.AccessProviders {
		if key, found := secrets[provider.Name]; found {
			known[key] = endpoint.Endpoint{
				Server:                   provider.Cluster.Server,
				CertificateAuthorityData: provider.Cluster.CertificateAuthorityData,
				ProxyURL:                 provider.Cluster.ProxyURL,
				TLSServerName:            provider.Cluster.TLSServerName,
				InsecureSkipTLSVerify:    provider.Cluster.InsecureSkipTLSVerify,
			}
		}
	}
	return known
}

// secretsOf returns the Secrets from which the access providers of an Inventory get their endpoints, by the names of the providers.
func secretsOf(inventory *v1alpha1.Inventory, cluster string) map[string]profile.SecretKey {
	secrets := map[string]profile.SecretKey{}
	for _, provider := range profile.AccessProviders(inventory.Spec.AccessProviders) {
		if key, fromSecret := profile.EndpointSecret(provider, cluster); fromSecret {
			secrets[provider.Name] = key
		}
	}
	return secrets
}
