// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"testing"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestExecProviderNeedsNoUser: a plugin that brings the consumer's own identity takes from the kubeconfig where the spoke is, and
// nothing else; the credentials in it may be of a program or a file.
func TestExecProviderNeedsNoUser(t *testing.T) {
	inventory := compile(t, v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{
		{Name: "own-identity", Exec: &v1alpha1.ExecAccess{}},
		{Name: "kubeconfig-secretreader", KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{}},
	}})
	for name, tc := range map[string]struct {
		why            string
		endpointUsable bool
		want           []string
	}{
		"UserRejected":     {why: "the endpoint is good", endpointUsable: true, want: []string{"own-identity"}},
		"EndpointRejected": {why: "there is nothing to dial"},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts(fixture.Cluster("a", "c1", fixture.Provisioned("v1.36.3")))
			key := profile.SecretKey{Name: "c1-kubeconfig", Key: "value"}
			found := f.Kubeconfigs[key]
			found.Rejected = &endpoint.RejectedError{Reason: endpoint.ExecUser, Message: "no", EndpointUsable: tc.endpointUsable}
			f.Kubeconfigs[key] = found
			out, problems := inventory.Status(f, 1)
			if got := out.Status.AccessProviders; len(got) != len(tc.want) ||
				len(got) > 0 && (*got[0].Name != tc.want[0] || got[0].Cluster.Server != "https://10.0.0.1:6443") {
				t.Errorf("%s: got %v, want %v", tc.why, got, tc.want)
			}
			if len(problems) != 2-len(tc.want) {
				t.Errorf("%s: problems %v", tc.why, problems)
			}
		})
	}
}
