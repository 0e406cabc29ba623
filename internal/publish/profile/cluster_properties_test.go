// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// imports is an Inventory that imports ClusterProperties, and has nothing else to grant.
func imports() v1alpha1.InventorySpec {
	return v1alpha1.InventorySpec{ClusterPropertyPolicy: v1alpha1.ClusterPropertyPolicyImport}
}

// TestImportIsAskedFor: the broker gets an access of its own, which may read what a spoke says of itself and nothing else.
func TestImportIsAskedFor(t *testing.T) {
	grant := grantOf(t, compile(t, imports()), factsOfC1())
	if grant.Name != "c1.clusterproperties.about.k8s.io" {
		t.Errorf("the grant is named %q", grant.Name)
	}
	want := []v1alpha1.AccessRule{
		{Verbs: []string{"list"}, APIGroups: []string{"about.k8s.io"}, Resources: []string{"clusterproperties"}},
		{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"namespaces"}, ResourceNames: []string{"kube-system"}},
	}
	if diff := cmp.Diff(want, grant.Spec.ServiceAccount.Rules); diff != "" || len(grant.Spec.ServiceAccount.ClusterRoles) > 0 {
		t.Errorf("rights, -want +got:\n%s", diff)
	}
	if wanted, _, err := compile(t, v1alpha1.InventorySpec{}).Grants(factsOfC1()); err != nil || len(wanted) > 0 {
		t.Errorf("without the policy there are %d grants, %v", len(wanted), err)
	}
}

func TestImportProblems(t *testing.T) {
	inventory := compile(t, imports())
	imported := func(status metav1.ConditionStatus) func(*v1alpha1.AccessGrant) {
		return func(grant *v1alpha1.AccessGrant) {
			granted(grant)
			meta.SetStatusCondition(&grant.Status.Conditions, metav1.Condition{
				Type: "PropertiesImported", Status: status, Reason: "Any", Message: "Left out: x (another writer publishes it)",
			})
		}
	}
	const name = "AccessGrant team-a/c1.clusterproperties.about.k8s.io "
	for what, tc := range map[string]struct {
		grant func(*v1alpha1.AccessGrant)
		want  string
	}{
		"young": {grant: func(*v1alpha1.AccessGrant) {}},
		"no broker": {
			grant: func(grant *v1alpha1.AccessGrant) { grant.CreationTimestamp = metav1.NewTime(now.Add(-2 * 60e9)) },
			want:  name + "waits for a broker, which must run on this hub and watch this namespace.",
		},
		"not looked at yet": {grant: granted},
		"imported":          {grant: imported(metav1.ConditionTrue)},
		"not all": {
			grant: imported(metav1.ConditionFalse),
			want:  name + "has not imported all ClusterProperties: Left out: x (another writer publishes it).",
		},
	} {
		t.Run(what, func(t *testing.T) {
			f := factsOfC1()
			grant := grantOf(t, inventory, f)
			tc.grant(grant)
			f.Grants = []*v1alpha1.AccessGrant{grant}
			got := ""
			_, problems := inventory.Status(f, 1)
			for _, problem := range problems {
				if problem.Reason == "PropertiesNotImported" {
					got += problem.Message
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
