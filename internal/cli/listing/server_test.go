// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package listing

import (
	"testing"

	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
)

// TestServerWithoutPassword: another manager's server may contain one, and the output of a pipeline is read by many.
func TestServerWithoutPassword(t *testing.T) {
	profile := &inventoryv1alpha1.ClusterProfile{}
	profile.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{
		{Name: "a", Cluster: clientcmdv1.Cluster{Server: "https://user:secret@a.example.com"}},
	}
	if got := serverOf(profile, nil); got != "…@a.example.com" {
		t.Errorf("got %q", got)
	}
}
