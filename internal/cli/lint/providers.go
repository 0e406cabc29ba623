// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"slices"
	"strings"

	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
)

// The access providers that upstream ships plugins for; the samples of every consumer name them.
const (
	kubeconfigSecretReader = "kubeconfig-secretreader"
	secretReader           = "secretreader"
)

// argoBuiltin begins the names that Argo CD reserves for itself.
const argoBuiltin = "argo-cd-builtin-"

// argoBuiltins are those of them that it has, and takes before any provider file.
var argoBuiltins = []string{argoBuiltin + "aws", argoBuiltin + "azure", argoBuiltin + "gcp"}

// way is an access provider of a profile that a consumer may take.
type provider = inventoryv1alpha1.AccessProvider

// offers are the access providers that the consumer reads at all: Headlamp has never read the deprecated list.
func (s subject) offers() []provider {
	offers := slices.Clone(s.Status.AccessProviders)
	if s.consumer == Headlamp {
		return offers
	}
	for _, deprecated := range s.Status.CredentialProviders {
		if !slices.ContainsFunc(offers, func(w provider) bool { return w.Name == deprecated.Name }) {
			offers = append(offers, deprecated)
		}
	}
	return offers
}

// ways are the access providers that the consumer may take:
//
//	consumer | provider file | takes
//	---------|---------------|----------------------------------------------------------------
//	Sveltos  | any           | kubeconfig-secretreader, where it is offered
//	Argo CD  | any           | argo-cd-builtin-*, where one is offered
//	any      | known         | the first of the file that is offered
//	any      | not known     | one of those that upstream ships plugins for, where one is offered
//	any      | not known     | any
func (s subject) providers() []provider {
	offers := s.offers()
	named := func(names ...string) []provider {
		return slices.DeleteFunc(slices.Clone(offers), func(w provider) bool { return !slices.Contains(names, w.Name) })
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

// copiesKubeconfig says whether the consumer copies the whole kubeconfig that the profile refers to, and looks at nothing
// else that the profile says of access.
func (s subject) copiesKubeconfig() bool {
	return s.consumer == Sveltos && slices.ContainsFunc(s.providers(), func(w provider) bool { return w.Name == kubeconfigSecretReader })
}

// eachWay checks every access provider that the consumer may take. The breach is mild where another one keeps the rule.
func eachProvider(wrong func(w provider) string) check {
	return func(s subject) *problem {
		ways := s.providers()
		var all []string
		for _, w := range ways {
			if what := wrong(w); what != "" {
				all = append(all, fmt.Sprintf("access provider %s: %s", w.Name, what))
			}
		}
		if len(all) == 0 {
			return nil
		}
		return &problem{what: strings.Join(all, "; "), mild: len(all) < len(ways)}
	}
}

// dialled is eachWay for what only those need who dial the profile's server themselves.
func dialled(wrong func(w provider) string) check {
	every := eachProvider(wrong)
	return func(s subject) *problem {
		if s.copiesKubeconfig() {
			return nil
		}
		return every(s)
	}
}

func namesOf(ways []provider) string {
	names := make([]string, 0, len(ways))
	for _, w := range ways {
		names = append(names, w.Name)
	}
	return strings.Join(names, ", ")
}

// offersAccess: there is an access provider in a list that the consumer reads.
func offersAccess(s subject) *problem {
	if len(s.offers()) > 0 {
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

// knownProvider: the consumer's provider file has an entry for one of the access providers. Where the file is not known, the
// names that every sample has count as known, and the breach is mild.
func knownProvider(s subject) *problem {
	offers := s.offers()
	if len(offers) == 0 {
		return nil
	}
	usual := append([]string{kubeconfigSecretReader, secretReader}, s.options.Providers...)
	if s.consumer == ArgoCD {
		usual = append(usual, argoBuiltins...)
	}
	switch ways := s.providers(); {
	case len(ways) == 0:
		return &problem{what: fmt.Sprintf("the profile offers %s, and the provider file names %s", namesOf(offers), strings.Join(s.options.Providers, ", "))}
	case !slices.ContainsFunc(ways, func(w provider) bool { return slices.Contains(usual, w.Name) }):
		return &problem{what: fmt.Sprintf("the profile offers %s, which no sample of a provider file names", namesOf(offers)), mild: true}
	}
	return nil
}

// builtinExists: a name that Argo CD reserves for itself is one that it has.
func builtinExists(s subject) *problem {
	for _, w := range s.offers() {
		if strings.HasPrefix(w.Name, argoBuiltin) && !slices.Contains(argoBuiltins, w.Name) {
			return &problem{what: fmt.Sprintf("the access provider %s has a name that is reserved and not known", w.Name)}
		}
	}
	return nil
}

// copiesKubeconfigs: Sveltos finds the access provider for which it runs no plugin.
func copiesKubeconfigs(s subject) *problem {
	if len(s.offers()) == 0 || s.copiesKubeconfig() {
		return nil
	}
	return &problem{what: fmt.Sprintf("the profile offers %s, and not %s", namesOf(s.offers()), kubeconfigSecretReader)}
}

// secretReaderAlone: nothing that is tried before kubeconfig-secretreader needs what may not be there.
func secretReaderAlone(s subject) *problem {
	offered := func(name string) bool {
		return slices.ContainsFunc(s.offers(), func(w provider) bool { return w.Name == name })
	}
	if len(s.options.Providers) > 0 || !offered(secretReader) || !offered(kubeconfigSecretReader) {
		return nil
	}
	return &problem{what: fmt.Sprintf("%s and %s are both offered, and the consumer's sample takes the first and never falls back", secretReader, kubeconfigSecretReader)}
}
