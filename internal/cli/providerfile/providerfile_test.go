// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package providerfile_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/cli/providerfile"
)

// offering returns a profile with access providers.
func offering(name string, providers ...string) inventoryv1alpha1.ClusterProfile {
	p := inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: name}}
	for _, provider := range providers {
		p.Status.AccessProviders = append(p.Status.AccessProviders, inventoryv1alpha1.AccessProvider{Name: provider})
	}
	return p
}

func TestFor(t *testing.T) {
	deprecated := offering("old")
	deprecated.Status.CredentialProviders = offering("", "secretreader").Status.AccessProviders
	profiles := []inventoryv1alpha1.ClusterProfile{
		offering("one", "serviceaccount-token", "kubeconfig-secretreader"),
		offering("two", "rm", "gcp"),
		offering("three", "rm"),
		deprecated,
	}
	for name, tc := range map[string]struct {
		why      string
		commands map[string]string
		// want are the entries, as name=command.
		want    []string
		leftOut []string
		err     string
	}{
		"Known": {
			why: "a name that is not known is never run", leftOut: []string{
				"gcp, which team-a/two offers", "rm, which team-a/two (and 1 more) offers",
			},
			want: []string{
				"kubeconfig-secretreader=kubeconfig-secretreader", "secretreader=secretreader", "serviceaccount-token=serviceaccount-token",
			},
		},
		"Commands": {
			why:      "the user names the plugins",
			commands: map[string]string{"rm": "token-of-rm", "gcp": "/bin/gcp", "kubeconfig-secretreader": "/bin/reader"},
			want: []string{
				"secretreader=secretreader", "serviceaccount-token=serviceaccount-token", "gcp=/bin/gcp",
				"kubeconfig-secretreader=/bin/reader", "rm=token-of-rm",
			},
		},
		"Misspelt": {
			why: "the command would never run", commands: map[string]string{"gpc": "x"},
			err: `no profile offers the access provider "gpc", but gcp, kubeconfig-secretreader, rm, secretreader, serviceaccount-token`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			file, leftOut, err := providerfile.For(profiles, tc.commands)
			if fmt.Sprint(err) != tc.err && (err != nil || tc.err != "") {
				t.Errorf("%s: the error is %v", tc.why, err)
			}
			var got []string
			for _, p := range file.Providers {
				got = append(got, p.Name+"="+p.ExecConfig.Command)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(tc.leftOut, leftOut); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}
