// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package diff_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/diff"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

type inventories = []v1alpha1.Inventory

type clusterProfiles = []inventoryv1alpha1.ClusterProfile

// TestPlaces: where Clusters would be published, and what would be withdrawn.
func TestPlaces(t *testing.T) {
	beside := published("london", "team-a", "london", "a")
	inApps := published("london", "apps", "team-a--london", "a")
	for name, tc := range map[string]struct {
		why          string
		live, edited inventories
		profiles     clusterProfiles
		cluster      []fixture.ClusterOption
		want         []string
		// stops is what a pipeline does.
		stops bool
	}{
		"New": {
			why:    "a new Inventory publishes",
			edited: inventories{inventory("a", 0)},
			want:   []string{"team-a/london a: Publish team-a/london"},
		},
		"OptedOut": {
			why:     "a Cluster that opts out is not published",
			edited:  inventories{inventory("a", 0)},
			cluster: []fixture.ClusterOption{fixture.Labels(map[string]string{v1alpha1.LabelPublish: "false"})},
		},
		"Same": {
			why:  "nothing is edited",
			live: inventories{inventory("a", 1)}, edited: inventories{inventory("a", 0)}, profiles: clusterProfiles{beside},
		},
		"Narrower": {
			why:  "the Inventory no longer selects the Cluster",
			live: inventories{inventory("a", 1)}, edited: inventories{inventory("a", 0, selecting("env", "test"))},
			profiles: clusterProfiles{beside}, stops: true,
			want: []string{`team-a/london a: Withdraw team-a/london; why spec.clusterSelector requires "env=test", and the Cluster has env=prod`},
		},
		"NarrowerBeforeItIsPublished": {
			why:  "there is nothing to withdraw",
			live: inventories{inventory("a", 1)}, edited: inventories{inventory("a", 0, selecting("env", "test"))},
		},
		"Renamed": {
			why:  "the old profile goes when the new one is there",
			live: inventories{inventory("a", 1)}, edited: inventories{inventory("a", 0, named(v1alpha1.ProfileNamingNamespaceAndName))},
			profiles: clusterProfiles{beside}, stops: true,
			want: []string{"team-a/london a: Rename team-a/team-a--london; replaces team-a/london"},
		},
		"Moved": {
			why:  "another namespace is another name",
			live: inventories{inventory("a", 1)}, edited: inventories{inventory("a", 0, into("apps"))},
			profiles: clusterProfiles{beside}, stops: true,
			want: []string{"team-a/london a: Rename apps/team-a--london; replaces team-a/london"},
		},
		"MovedWithoutAccess": {
			why:  "the broker has to grant an access first",
			live: inventories{inventory("a", 1, withRole("view"))}, edited: inventories{inventory("a", 0, withRole("view"), into("apps"))},
			profiles: clusterProfiles{beside}, stops: true,
			want: []string{"team-a/london a: Rename apps/team-a--london; replaces team-a/london; " +
				"why ClusterProfile team-a/london stays until the new one has access"},
		},
		"MissingNamespace": {
			why:  "make before break",
			live: inventories{inventory("a", 1)}, edited: inventories{inventory("a", 0, into("aps"))},
			profiles: clusterProfiles{beside}, stops: true,
			want: []string{`team-a/london a: Blocked aps/team-a--london; replaces team-a/london; why the namespace "aps" does not exist; ` +
				"create it, and the profiles follow; ClusterProfile team-a/london stays until then"},
		},
		"MissingNamespaceOfANewOne": {
			why:    "nothing is published yet",
			edited: inventories{inventory("a", 0, into("aps"))}, stops: true,
			want: []string{`team-a/london a: Blocked aps/team-a--london; why the namespace "aps" does not exist; ` +
				"create it, and the profiles follow"},
		},
		"GoingNamespace": {
			why:    "nothing can be created there",
			edited: inventories{inventory("a", 0, into("going"))}, stops: true,
			want: []string{`team-a/london a: Blocked going/team-a--london; why the namespace "going" is being deleted; ` +
				"choose another one, or create it again when it is gone"},
		},
		"StillMissing": {
			why:  "the edit is not the reason",
			live: inventories{inventory("a", 1, into("aps"))}, edited: inventories{inventory("a", 0, into("aps"), withProperty("'x'"))},
			profiles: clusterProfiles{beside},
		},
		"TypoCorrected": {
			why:  "what stayed is replaced now",
			live: inventories{inventory("a", 1, into("aps"))}, edited: inventories{inventory("a", 0, into("apps"))},
			profiles: clusterProfiles{beside}, stops: true,
			want: []string{"team-a/london a: Rename apps/team-a--london; replaces team-a/london"},
		},
		"TypoTakenBack": {
			why:  "what stayed is wanted again",
			live: inventories{inventory("a", 1, into("aps"))}, edited: inventories{inventory("a", 0)}, profiles: clusterProfiles{beside},
			want: []string{"team-a/london a: Change team-a/london; why the profile that is on the hub stays, and is updated"},
		},
		"NameTaken": {
			why:  "another manager has the name",
			live: inventories{inventory("a", 1)}, edited: inventories{inventory("a", 0, into("apps"))},
			profiles: clusterProfiles{beside, published("london", "apps", "team-a--london", "", foreign)}, stops: true,
			want: []string{"team-a/london a: Blocked apps/team-a--london; replaces team-a/london; why ClusterProfile apps/team-a--london " +
				`belongs to the cluster manager "other" and is left untouched; rename or delete it, or choose another namespace or ` +
				"profileName; ClusterProfile team-a/london stays until then"},
		},
		"TakenOver": {
			why:      "the older Inventory leaves the Cluster to the younger one",
			live:     inventories{inventory("a", 2), inventory("b", 1)},
			edited:   inventories{inventory("a", 0, selecting("env", "test"))},
			profiles: clusterProfiles{beside},
			want: []string{
				"team-a/london b: TakeOver team-a/london; from a",
				"  metadata.labels[capi-inventory.dev/inventory]: a -> b",
			},
		},
		"TakenOverUnderAnotherName": {
			why:  "the older Inventory has the namespace now",
			live: inventories{inventory("a", 1), inventory("b", 2, into("apps"), selecting("env", "test"))},
			edited: inventories{
				inventory("b", 0, into("team-a"), named(v1alpha1.ProfileNamingNamespaceAndName)),
			},
			profiles: clusterProfiles{beside}, stops: true,
			want: []string{"team-a/london b: Rename team-a/team-a--london; replaces team-a/london; from a"},
		},
		"Left": {
			why:      "an older Inventory has the namespace",
			live:     inventories{inventory("a", 1)},
			edited:   inventories{inventory("b", 0)},
			profiles: clusterProfiles{beside},
			want: []string{`team-a/london b: Leave ; why the Inventory "a" publishes this Cluster into the namespace "team-a"; ` +
				"a namespace holds one profile of a Cluster"},
		},
		"MovedToATakenNamespace": {
			why:      "what cannot move stays",
			live:     inventories{inventory("a", 2), inventory("b", 1, into("apps"))},
			edited:   inventories{inventory("b", 0)},
			profiles: clusterProfiles{beside, published("london", "apps", "team-a--london", "b")}, stops: true,
			want: []string{`team-a/london b: Blocked ; replaces apps/team-a--london; why the Inventory "a" publishes this Cluster into the ` +
				`namespace "team-a"; a namespace holds one profile of a Cluster; ClusterProfile apps/team-a--london stays until then`},
		},
		"MovedOntoTheOther": {
			why:  "the profile of the other Inventory takes the place of its own",
			live: inventories{inventory("a", 1, into("apps")), inventory("b", 2)},
			edited: inventories{
				inventory("a", 0), inventory("b", 0, selecting("env", "test")),
			},
			profiles: clusterProfiles{inApps, published("london", "team-a", "london", "b")}, stops: true,
			want: []string{
				"team-a/london a: Withdraw apps/team-a--london; why ClusterProfile team-a/london takes its place",
				"team-a/london a: TakeOver team-a/london; from b",
				"  metadata.labels[capi-inventory.dev/inventory]: b -> a",
			},
		},
		"OtherClass": {
			why:      "Inventories of other publishers do not compete, and their profiles are not replaced",
			live:     inventories{inventory("a", 1, ofClass("x"))},
			edited:   inventories{inventory("b", 0, ofClass("y"))},
			profiles: clusterProfiles{beside}, stops: true,
			want: []string{"team-a/london b: Blocked team-a/london; why ClusterProfile team-a/london belongs to the Cluster team-a/london " +
				"in the Inventory \"a\" and is left untouched; rename or delete it, or choose another namespace or profileName"},
		},
		"KeptByAnInvalidOne": {
			why:      "nobody's turn comes because of a typo",
			live:     inventories{inventory("a", 1, withProperty("cluster."))},
			edited:   inventories{inventory("b", 0)},
			profiles: clusterProfiles{beside},
			want: []string{`team-a/london b: Leave ; why the Inventory "a" publishes this Cluster into the namespace "team-a"; ` +
				"a namespace holds one profile of a Cluster"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			facts := diff.Facts{Clusters: []clusterv1.Cluster{london(tc.cluster...)}, Profiles: tc.profiles}
			got := report(t, tc.live, tc.edited, facts)
			if unlike := cmp.Diff(tc.want, lines(got)); unlike != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, unlike)
			}
			if got.Stops() != tc.stops {
				t.Errorf("%s: stops %t, want %t", tc.why, got.Stops(), tc.stops)
			}
		})
	}
}

// TestContents: what profiles would say.
func TestContents(t *testing.T) {
	a := func(change ...func(*v1alpha1.InventorySpec)) v1alpha1.Inventory { return inventory("a", 1, change...) }
	const secret = "the server in the Secret team-a/london-kubeconfig (value)"
	hidden := map[schema.GroupKind]string{
		{Group: "controlplane.cluster.x-k8s.io", Kind: "KubeadmControlPlane"}: "you may not read control planes",
	}
	for name, tc := range map[string]struct {
		why          string
		live, edited v1alpha1.Inventory
		hidden       map[schema.GroupKind]string
		want         []string
	}{
		"Property": {
			why: "a value", live: a(withProperty("'x'")), edited: a(withProperty("'y'")),
			want: []string{"  status.properties[p.example.com]: x -> y"},
		},
		"PropertyThatFails": {
			why: "the problem is new", live: a(withProperty("'x'")), edited: a(withProperty("string(int(cluster.metadata.name))")),
			want: []string{
				"  status.properties[p.example.com]: x -> ",
				"  PropertySkipped: property p.example.com: evaluating: type conversion error from 'string' to 'int'",
			},
		},
		"ProblemThatIsKnown": {
			why: "the edit is not the reason", live: a(withProperty("string(int(cluster.metadata.name))")),
			edited: a(withProperty("string(int(cluster.metadata.name))"), func(spec *v1alpha1.InventorySpec) { spec.ClusterSet = "all" }),
			want:   []string{"  status.properties[clusterset.k8s.io]:  -> all"},
		},
		"ControlPlaneThatMayNotBeRead": {
			why: "it is not reported as missing", live: a(), edited: a(withProperty("controlPlane.spec.version")), hidden: hidden,
			want: []string{
				"  ObjectsUnavailable: you may not read control planes; what is published of it stays as it is",
			},
		},
		"Labels": {
			why: "labels of the Cluster", live: a(),
			edited: a(func(spec *v1alpha1.InventorySpec) { spec.Labels.Include = []string{"env"} }),
			want:   []string{"  metadata.labels[env]:  -> prod"},
		},
		"Trust": {why: "the version stays", live: a(), edited: a(trusting)},
		"Role": {
			why: "what the ServiceAccount may do", live: a(withRole("view")), edited: a(withRole("edit")),
			want: []string{`  serviceAccounts[scoped]: {"clusterRoles":["view"]} -> {"clusterRoles":["edit"]}`},
		},
		"NoServiceAccount": {
			why: "a granted access is revoked, and the endpoint is named after its Secret", live: a(withRole("view")), edited: a(),
			want: []string{
				`  serviceAccounts[scoped]: {"clusterRoles":["view"]} -> `,
				"  status.accessProviders:  -> kubeconfig-secretreader",
				"  status.accessProviders[kubeconfig-secretreader].extensions[client.authentication.k8s.io/exec]:  -> " +
					`{"key":"value","name":"london-kubeconfig","namespace":"team-a"}`,
				"  status.accessProviders[kubeconfig-secretreader].server:  -> " + secret,
				"  status.conditions[Joined]: False (AccessNotPublished) -> True (ClusterRegistered)",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			facts := diff.Facts{
				Clusters: []clusterv1.Cluster{london()},
				Profiles: clusterProfiles{published("london", "team-a", "london", "a")},
				Hidden:   tc.hidden,
			}
			want := tc.want
			if want != nil {
				want = append([]string{"team-a/london a: Change team-a/london"}, want...)
			}
			got := report(t, inventories{tc.live}, inventories{tc.edited}, facts)
			if unlike := cmp.Diff(want, lines(got)); unlike != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, unlike)
			}
			if got.Stops() {
				t.Errorf("%s: nothing is deleted", tc.why)
			}
		})
	}
}

// TestManagerIsThatOfMostProfiles: profiles of an earlier --cluster-manager-name, or of a writer who forges, do not hide an edit.
func TestManagerIsThatOfMostProfiles(t *testing.T) {
	other := func(p *inventoryv1alpha1.ClusterProfile) { p.Spec.ClusterManager.Name = "another" }
	paris := *fixture.Cluster("team-a", "paris", fixture.Provisioned("v1.36.3"), fixture.UID("uid-paris"))
	for _, last := range []string{"aaa", "zzz"} {
		got := report(
			t,
			inventories{inventory("a", 1, withProperty("'x'"))},
			inventories{inventory("a", 0, withProperty("'y'"))},
			diff.Facts{
				Clusters: []clusterv1.Cluster{london(), paris},
				Profiles: clusterProfiles{
					published("london", "team-a", "london", "a"), published("paris", "team-a", "paris", "a"),
					published("london", last, "london", "a", other),
				},
			},
		)
		if got.Total != (diff.Counts{Change: 2}) {
			t.Errorf("%s: %+v, want two changes", last, got.Total)
		}
		want := []string{
			"1 ClusterProfiles that a publisher has applied are left out: their cluster manager name is not the one that most " +
				"have, which the publisher's flag is taken to be. The first is " + last + `/london: "another", and not "cluster-api".`,
		}
		if unlike := cmp.Diff(want, got.Notes); unlike != "" {
			t.Errorf("-want +got:\n%s", unlike)
		}
	}
}

// TestCounts: counts are by Inventory, and of all.
func TestCounts(t *testing.T) {
	paris := *fixture.Cluster("team-a", "paris", fixture.Provisioned("v1.36.3"), fixture.UID("uid-paris"))
	got := report(t,
		inventories{inventory("a", 2), inventory("b", 1)},
		inventories{inventory("a", 0, selecting("env", "test")), inventory("c", 0, into("apps"))},
		diff.Facts{
			Clusters: []clusterv1.Cluster{london(), paris},
			Profiles: clusterProfiles{published("london", "team-a", "london", "a"), published("paris", "team-a", "paris", "a")},
		})
	want := []diff.Inventory{
		{Name: "a", Edit: diff.Edited, Before: 2},
		{Name: "b", Edit: diff.None, Counts: diff.Counts{TakeOver: 2}},
		{Name: "c", Edit: diff.New, After: 2, Counts: diff.Counts{Publish: 2}},
	}
	if unlike := cmp.Diff(want, got.Inventories); unlike != "" {
		t.Errorf("-want +got:\n%s", unlike)
	}
	if unlike := cmp.Diff(diff.Counts{TakeOver: 2, Publish: 2}, got.Total); unlike != "" {
		t.Errorf("-want +got:\n%s", unlike)
	}
}

// TestEditsThatCannotWork: every reason is in the error.
func TestEditsThatCannotWork(t *testing.T) {
	going := inventory("going", 1)
	going.DeletionTimestamp = &metav1.Time{Time: now}
	_, err := diff.Compile(inventories{going}, inventories{going, inventory("bad", 0, withProperty("cluster."))}, now)
	want := "Inventory going: the one on the hub is being deleted, and its profiles with it; create it again when it is gone\n" +
		"Inventory bad: spec.properties[p.example.com].expression: line 1, column 9: Syntax error: no viable alternative at input '.'"
	if err == nil {
		t.Fatal("no error")
	}
	if unlike := cmp.Diff(want, err.Error()); unlike != "" {
		t.Errorf("-want +got:\n%s", unlike)
	}
}

// BenchmarkDiff: an edit that changes every profile of 10,000.
func BenchmarkDiff(b *testing.B) {
	var facts diff.Facts
	for i := range 10_000 {
		name := fmt.Sprintf("c%d", i)
		cluster := *fixture.Cluster("team-a", name, fixture.Provisioned("v1.36.3"), fixture.UID("uid-"+name))
		facts.Clusters = append(facts.Clusters, cluster)
		facts.Profiles = append(facts.Profiles, published(name, "team-a", name, "a"))
	}
	for b.Loop() {
		got := report(b, inventories{inventory("a", 1)}, inventories{inventory("a", 0, withProperty("cluster.metadata.name"))}, facts)
		if got.Total.Change != 10_000 {
			b.Fatalf("%d changes", got.Total.Change)
		}
	}
}
