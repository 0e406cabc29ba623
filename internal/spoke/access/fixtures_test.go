// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
)

// twoProviders knows "first", which takes no arguments or variables from profiles, and "second", which takes arguments and three
// variables.
const twoProviders = `{"providers": [
	{"name": "first", "profileSourcedClusterNameAllowed": true, "execConfig": {"apiVersion": "client.authentication.k8s.io/v1",
		"command": "one", "provideClusterInfo": true}},
	{"name": "second", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "two", "args": ["base"],
		"env": [{"name": "B", "value": "file"}, {"name": "A", "value": "file"}]},
	 "profileSourcedCLIArgsPolicy": "Append", "profileSourcedEnvVarsPolicy": "AppendIfNotExists",
	 "profileSourcedEnvVarsAllowed": ["A", "C", "CLUSTER"]}]}`

func load(t *testing.T, content string, options access.Options) *access.Providers {
	t.Helper()
	providers, err := access.Load(file(t, content), options)
	if err != nil {
		t.Fatal(err)
	}
	return providers
}

func offer(name, server string, extensions ...string) inventoryv1alpha1.AccessProvider {
	offer := inventoryv1alpha1.AccessProvider{Name: name, Cluster: clientcmdv1.Cluster{Server: server}}
	for i := 0; i < len(extensions); i += 2 {
		offer.Cluster.Extensions = append(offer.Cluster.Extensions, clientcmdv1.NamedExtension{
			Name: extensions[i], Extension: runtime.RawExtension{Raw: []byte(extensions[i+1])},
		})
	}
	return offer
}

func profile(offers ...inventoryv1alpha1.AccessProvider) *inventoryv1alpha1.ClusterProfile {
	profile := &inventoryv1alpha1.ClusterProfile{}
	profile.Namespace, profile.Name = "fleet", "a"
	profile.Status.AccessProviders = offers
	return profile
}
