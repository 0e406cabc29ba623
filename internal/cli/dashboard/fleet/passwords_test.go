// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"strings"
	"testing"

	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
)

// TestNoPassword: the server and the proxy of another manager may contain one, and pictures of the page are sent around.
func TestNoPassword(t *testing.T) {
	p := inventoryv1alpha1.ClusterProfile{}
	p.Namespace, p.Name = "team-a", "london"
	for _, list := range []*[]inventoryv1alpha1.AccessProvider{&p.Status.AccessProviders, &p.Status.CredentialProviders} {
		*list = []inventoryv1alpha1.AccessProvider{{Name: "a", Cluster: clientcmdv1.Cluster{
			Server: "https://user:secret@localhost", ProxyURL: "http://user:secret@proxy.example.com:3128",
		}}}
	}
	other := p
	other.Name = "paris"
	facts := explain.Facts{Profiles: []inventoryv1alpha1.ClusterProfile{p, other}, Now: now, Lint: lint.Options{}}
	details, err := NewProfile(Objects{Profile: &p}, facts, nil)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(details)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(shown), "secret@") || !strings.Contains(string(shown), "@localhost") {
		t.Errorf("%s", shown)
	}
}
