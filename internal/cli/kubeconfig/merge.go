// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package kubeconfig

import (
	"bytes"
	"fmt"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Outcome is the result of a merge, by the names of contexts.
type Outcome struct{ Added, Replaced, Same []string }

// ConflictError lists the contexts to write whose names have other entries in the kubeconfig.
type ConflictError struct{ Names []string }

// Error implements error.
func (e *ConflictError) Error() string {
	return "the kubeconfig has other entries of these names: " + strings.Join(e.Names, ", ")
}

// Merge merges contexts into a kubeconfig. Entries of the same name and with other content are replaced if replace is set, and are a
// *ConflictError otherwise, which leaves the kubeconfig unchanged. A single context becomes the current context if there is none.
func Merge(into *clientcmdapi.Config, contexts []Context, replace bool) (Outcome, error) {
	var outcome Outcome
	for _, c := range contexts {
		want, err := render(c)
		if err != nil {
			return Outcome{}, err
		}
		switch have := entriesNamed(into, c.Name); {
		case isEmpty(have):
			outcome.Added = append(outcome.Added, c.Name)
		case equal(have, want):
			outcome.Same = append(outcome.Same, c.Name)
		default:
			outcome.Replaced = append(outcome.Replaced, c.Name)
		}
	}
	if len(outcome.Replaced) > 0 && !replace {
		return Outcome{}, &ConflictError{Names: outcome.Replaced}
	}
	for _, c := range contexts {
		into.Clusters[c.Name], into.AuthInfos[c.Name] = c.Cluster, c.User
		// Keep the namespace that a user has set for the context.
		if context := into.Contexts[c.Name]; context == nil || context.Cluster != c.Name || context.AuthInfo != c.Name {
			into.Contexts[c.Name] = &clientcmdapi.Context{Cluster: c.Name, AuthInfo: c.Name}
		}
	}
	if into.CurrentContext == "" && len(contexts) == 1 {
		into.CurrentContext = contexts[0].Name
	}
	return outcome, nil
}

// render returns a kubeconfig with one context, as it would be parsed after it is written.
func render(c Context) (*clientcmdapi.Config, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters[c.Name], config.AuthInfos[c.Name] = c.Cluster, c.User
	config.Contexts[c.Name] = &clientcmdapi.Context{Cluster: c.Name, AuthInfo: c.Name}
	raw, err := clientcmd.Write(*config)
	if err != nil {
		return nil, fmt.Errorf("encoding the context %s: %w", c.Name, err)
	}
	return clientcmd.Load(raw)
}

// entriesNamed returns the entries of a name, without what a merge does not compare.
func entriesNamed(from *clientcmdapi.Config, name string) *clientcmdapi.Config {
	part := clientcmdapi.NewConfig()
	if cluster := from.Clusters[name]; cluster != nil {
		part.Clusters[name] = cluster
	}
	if user := from.AuthInfos[name]; user != nil {
		part.AuthInfos[name] = user
	}
	if context := from.Contexts[name]; context != nil {
		part.Contexts[name] = &clientcmdapi.Context{Cluster: context.Cluster, AuthInfo: context.AuthInfo}
	}
	return part
}

func isEmpty(config *clientcmdapi.Config) bool {
	return len(config.Clusters)+len(config.AuthInfos)+len(config.Contexts) == 0
}

func equal(a, b *clientcmdapi.Config) bool {
	left, errLeft := clientcmd.Write(*a)
	right, errRight := clientcmd.Write(*b)
	return errLeft == nil && errRight == nil && bytes.Equal(left, right)
}
