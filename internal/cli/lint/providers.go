// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
)

// The access providers that upstream ships plugins for; the samples of every consumer name them.
const (
	kubeconfigSecretReader = "kubeconfig-secretreader"
	secretReader           = "secretreader"
)

// argoBuiltin is the prefix of the names that Argo CD reserves for itself.
const argoBuiltin = "argo-cd-builtin-"

// argoBuiltins are the reserved names that exist. Argo CD prefers them to those of a provider file.
var argoBuiltins = []string{argoBuiltin + "aws", argoBuiltin + "azure", argoBuiltin + "gcp"}

// provider is an access provider of a profile.
type provider = inventoryv1alpha1.AccessProvider

// offered returns the access providers that the consumer reads: Headlamp has never read the deprecated list.
func (s subject) offered() []provider {
	offers := slices.Clone(s.Status.AccessProviders)
	if s.consumer == Headlamp {
		return offers
	}
	names := sets.New[string]()
	for _, offer := range offers {
		names.Insert(offer.Name)
	}
	for _, deprecated := range s.Status.CredentialProviders {
		if !names.Has(deprecated.Name) {
			offers = append(offers, deprecated)
		}
	}
	return offers
}

// providers returns the access providers that the consumer may take:
//
//	consumer | provider file | takes
//	---------|---------------|----------------------------------------------------------------
//	Sveltos  | any           | kubeconfig-secretreader, if it is offered
//	Argo CD  | any           | argo-cd-builtin-*, if one is offered
//	any      | known         | the first of the file that is offered
//	any      | not known     | one of those that upstream ships plugins for, if one is offered
//	any      | not known     | any
func (s subject) providers() []provider {
	offers := s.offered()
	named := func(names ...string) []provider {
		return slices.DeleteFunc(slices.Clone(offers), func(p provider) bool { return !slices.Contains(names, p.Name) })
	}
	if s.consumer == Sveltos {
		if own := named(kubeconfigSecretReader); len(own) > 0 {
			return own
		}
	}
	if s.consumer == ArgoCD {
		if own := named(argoBuiltins...); len(own) > 0 {
			return own
		}
	}
	for _, name := range s.options.Providers {
		if known := named(name); len(known) > 0 {
			return known
		}
	}
	if len(s.options.Providers) > 0 {
		return nil
	}
	if usual := named(kubeconfigSecretReader, secretReader); len(usual) > 0 {
		return usual
	}
	return offers
}

// copiesKubeconfig reports whether the consumer copies the whole kubeconfig that the profile refers to, and ignores the rest of
// the profile's access.
func (s subject) copiesKubeconfig() bool {
	return s.consumer == Sveltos && hasProvider(s.providers(), kubeconfigSecretReader)
}

func hasProvider(providers []provider, name string) bool {
	return slices.ContainsFunc(providers, func(p provider) bool { return p.Name == name })
}

// eachProvider checks every access provider that the consumer may take. The breach is partial if another one keeps the rule.
func eachProvider(wrong func(provider) string) checkFunc {
	return func(s subject) *problem {
		providers := s.providers()
		var all []string
		for _, p := range providers {
			if what := wrong(p); what != "" {
				all = append(all, fmt.Sprintf("access provider %s: %s", p.Name, what))
			}
		}
		if len(all) == 0 {
			return nil
		}
		return &problem{what: strings.Join(all, "; "), partial: len(all) < len(providers)}
	}
}

// dialled is eachProvider for consumers that dial the profile's server themselves.
func dialled(wrong func(provider) string) checkFunc {
	every := eachProvider(wrong)
	return func(s subject) *problem {
		if s.copiesKubeconfig() {
			return nil
		}
		return every(s)
	}
}

func namesOf(providers []provider) string {
	names := make([]string, 0, len(providers))
	for _, p := range providers {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// offersAccess: a list that the consumer reads has an access provider.
func offersAccess(s subject) *problem {
	if len(s.offered()) > 0 {
		return nil
	}
	if deprecated := s.Status.CredentialProviders; len(deprecated) > 0 {
		return &problem{what: fmt.Sprintf("only the deprecated credentialProviders are set (%s)", namesOf(deprecated))}
	}
	return &problem{what: "status.accessProviders is empty"}
}

// notDeprecated: no access provider is in the deprecated list.
func notDeprecated(s subject) *problem {
	if len(s.Status.CredentialProviders) == 0 {
		return nil
	}
	return &problem{what: fmt.Sprintf("status.credentialProviders is set (%s)", namesOf(s.Status.CredentialProviders))}
}

// knownProvider: the consumer's provider file has an entry for one of the access providers. If the file is not known, the names
// that every sample has count as known, and the breach is partial.
func knownProvider(s subject) *problem {
	offers := s.offered()
	if len(offers) == 0 {
		return nil
	}
	usual := append([]string{kubeconfigSecretReader, secretReader}, s.options.Providers...)
	if s.consumer == ArgoCD {
		usual = append(usual, argoBuiltins...)
	}
	switch providers := s.providers(); {
	case len(providers) == 0:
		return &problem{what: fmt.Sprintf("the profile offers %s, and the provider file has %s",
			namesOf(offers), strings.Join(s.options.Providers, ", "))}
	case !slices.ContainsFunc(providers, func(p provider) bool { return slices.Contains(usual, p.Name) }):
		return &problem{what: fmt.Sprintf("the profile offers %s, which no sample provider file has", namesOf(offers)), partial: true}
	}
	return nil
}

// builtinExists: a name that Argo CD reserves for itself exists.
func builtinExists(s subject) *problem {
	for _, p := range s.offered() {
		if strings.HasPrefix(p.Name, argoBuiltin) && !slices.Contains(argoBuiltins, p.Name) {
			return &problem{what: fmt.Sprintf("the name of the access provider %s is reserved, and Argo CD does not know it", p.Name)}
		}
	}
	return nil
}

// copiesKubeconfigs: the profile has the access provider for which Sveltos runs no plugin.
func copiesKubeconfigs(s subject) *problem {
	if len(s.offered()) == 0 || s.copiesKubeconfig() {
		return nil
	}
	return &problem{what: fmt.Sprintf("the profile offers %s, and not %s", namesOf(s.offered()), kubeconfigSecretReader)}
}

// secretReaderAlone: no access provider that may need a missing Secret is tried before kubeconfig-secretreader.
func secretReaderAlone(s subject) *problem {
	offered := s.offered()
	if len(s.options.Providers) > 0 || !hasProvider(offered, secretReader) || !hasProvider(offered, kubeconfigSecretReader) {
		return nil
	}
	return &problem{
		what: fmt.Sprintf("%s and %s are both offered, and the consumer's sample provider file takes the first without a fallback",
			secretReader, kubeconfigSecretReader),
	}
}
