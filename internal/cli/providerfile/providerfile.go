// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package providerfile makes the provider file of a consumer (KEP-5339) that fits profiles: an entry for each access provider that
// they offer, with the credential plugin that consumers run for it.
//
// An access provider is named by the writer of a profile. So its name never becomes a command: a plugin is one that the project knows,
// or one that the user names.
package providerfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	clientauthenticationv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// File is a provider file.
type File struct {
	Providers []Provider `json:"providers"`
}

// Provider is an entry of a provider file.
type Provider struct {
	Name       string `json:"name"`
	ExecConfig Exec   `json:"execConfig"`
}

// Exec is how a consumer runs a credential plugin.
type Exec struct {
	APIVersion         string `json:"apiVersion"`
	Command            string `json:"command"`
	InteractiveMode    string `json:"interactiveMode"`
	ProvideClusterInfo bool   `json:"provideClusterInfo"`
	InstallHint        string `json:"installHint,omitempty"`
}

// known are the access providers whose plugins are named as they are, in the order in which they are preferred, with where the plugin
// comes from.
var known = []struct{ name, from string }{
	{
		v1alpha1.ProviderKubeconfigSecret,
		"it ships in the image of the consumer, and as registry.k8s.io/cluster-inventory-api/kubeconfig-secretreader",
	},
	{"secretreader", "it ships in the image of the consumer, and as registry.k8s.io/cluster-inventory-api/secretreader"},
	{"serviceaccount-token", "it ships in the image of the consumer"},
}

// For returns the provider file for profiles. commands are the plugins of access providers, by name, in place of those that are known.
// leftOut says for each access provider without a plugin which profiles offer it.
func For(profiles []inventoryv1alpha1.ClusterProfile, commands map[string]string) (file File, leftOut []string, err error) {
	offers := offered(profiles)
	names := slices.Sorted(maps.Keys(offers))
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		if offers[name] == nil {
			return File{}, nil, fmt.Errorf("no profile offers the access provider %q, but %s", name, strings.Join(names, ", "))
		}
	}
	file.Providers = []Provider{}
	for _, k := range known {
		if offers[k.name] != nil && commands[k.name] == "" {
			file.Providers = append(file.Providers, entry(k.name, k.name, k.from))
		}
	}
	for _, name := range names {
		switch {
		case commands[name] != "":
			file.Providers = append(file.Providers, entry(name, commands[name], ""))
		case !slices.ContainsFunc(file.Providers, func(p Provider) bool { return p.Name == name }):
			leftOut = append(leftOut, fmt.Sprintf("%s, which %s offers", name, some(offers[name])))
		}
	}
	return file, leftOut, nil
}

func entry(name, command, from string) Provider {
	return Provider{Name: name, ExecConfig: Exec{
		APIVersion:         clientauthenticationv1.SchemeGroupVersion.String(),
		Command:            command,
		InteractiveMode:    "Never",
		ProvideClusterInfo: true,
		InstallHint:        from,
	}}
}

// offered returns the profiles by the names of the access providers that they offer.
func offered(profiles []inventoryv1alpha1.ClusterProfile) map[string][]string {
	offers := map[string][]string{}
	for i := range profiles {
		p := &profiles[i]
		names := map[string]bool{}
		for _, provider := range slices.Concat(p.Status.AccessProviders, p.Status.CredentialProviders) {
			names[provider.Name] = true
		}
		for name := range names {
			offers[name] = append(offers[name], p.Namespace+"/"+p.Name)
		}
	}
	return offers
}

// some names the first of several profiles.
func some(profiles []string) string {
	if more := len(profiles) - 1; more > 0 {
		return fmt.Sprintf("%s (and %d more)", profiles[0], more)
	}
	return profiles[0]
}
