// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

func read(t *testing.T, p *inventoryv1alpha1.ClusterProfile) *profile.Live {
	t.Helper()
	live, err := profile.Read(p)
	if err != nil {
		t.Fatal(err)
	}
	return live
}

// owningLabels returns a copy of a profile of which the publisher owns these labels.
func owningLabels(p *inventoryv1alpha1.ClusterProfile, keys ...string) *inventoryv1alpha1.ClusterProfile {
	labels := map[string]any{}
	for _, key := range keys {
		labels["f:"+key] = map[string]any{}
	}
	owned := map[string]any{"f:spec": map[string]any{"f:displayName": map[string]any{}}}
	if len(labels) > 0 {
		owned["f:metadata"] = map[string]any{"f:labels": labels}
	}
	return owning(p, "", owned)
}

// owningProvider returns a copy of a profile of which the publisher owns these fields of an access provider; none of it without
// any.
func owningProvider(p *inventoryv1alpha1.ClusterProfile, name string, fields ...string) *inventoryv1alpha1.ClusterProfile {
	if len(fields) == 0 {
		return p.DeepCopy()
	}
	cluster := map[string]any{}
	for _, field := range fields {
		cluster["f:"+field] = map[string]any{}
	}
	return owning(p, "status", map[string]any{"f:status": map[string]any{"f:accessProviders": map[string]any{
		`k:{"name":"` + name + `"}`: map[string]any{".": map[string]any{}, "f:name": map[string]any{}, "f:cluster": cluster},
	}}})
}

func owning(p *inventoryv1alpha1.ClusterProfile, subresource string, owned map[string]any) *inventoryv1alpha1.ClusterProfile {
	raw, err := json.Marshal(owned)
	if err != nil {
		panic(err)
	}
	p = p.DeepCopy()
	fields := &metav1.FieldsV1{}
	fields.SetRawBytes(raw)
	p.ManagedFields = append(p.ManagedFields, metav1.ManagedFieldsEntry{
		Manager:     profile.FieldManager,
		Operation:   metav1.ManagedFieldsOperationApply,
		Subresource: subresource,
		FieldsType:  "FieldsV1",
		FieldsV1:    fields,
	})
	return p
}

func TestStandingOf(t *testing.T) {
	cluster := fixture.Cluster("team-a", "c1", fixture.UID("uid-2"))
	stamped := func(manager, namespace, name, uid string) *inventoryv1alpha1.ClusterProfile {
		return &inventoryv1alpha1.ClusterProfile{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{
				v1alpha1.LabelInventory:        "default",
				v1alpha1.LabelClusterNamespace: namespace,
				v1alpha1.LabelClusterName:      name,
				v1alpha1.LabelClusterUID:       uid,
			}},
			Spec: inventoryv1alpha1.ClusterProfileSpec{ClusterManager: inventoryv1alpha1.ClusterManager{Name: manager}},
		}
	}
	all := []string{v1alpha1.LabelInventory, v1alpha1.LabelClusterNamespace, v1alpha1.LabelClusterName, v1alpha1.LabelClusterUID}
	for name, tc := range map[string]struct {
		why  string
		live *inventoryv1alpha1.ClusterProfile
		want profile.Ownership
		// deletable is what MayBeDeleted says, and stray what Stray does.
		deletable, stray bool
	}{
		"None": {why: "the name is free", live: nil, want: profile.Absent},
		"Owned": {
			why:  "manager and provenance agree, and the publisher owns the provenance",
			live: owningLabels(stamped("cluster-api", "team-a", "c1", "uid-2"), all...), want: profile.Owned, deletable: true,
		},
		"Stale": {
			why:  "a Cluster that was created again is another member",
			live: owningLabels(stamped("cluster-api", "team-a", "c1", "uid-1"), all...), want: profile.OfEarlier, deletable: true,
		},
		"OtherManager": {
			why:  "the labels alone do not prove ownership",
			live: owningLabels(stamped("open-cluster-management", "team-a", "c1", "uid-2"), all...), want: profile.Foreign,
		},
		"OtherCluster": {
			why:  "another Cluster was first",
			live: owningLabels(stamped("cluster-api", "team-b", "c1", "uid-3"), all...), want: profile.Foreign, deletable: true,
		},
		"LabelsRemoved": {
			why: "we applied it; the labels come back",
			live: owningLabels(&inventoryv1alpha1.ClusterProfile{
				Spec: stamped("cluster-api", "", "", "").Spec,
			}), want: profile.Owned, stray: true,
		},
		"UIDRemoved": {
			why:  "a label that is missing is not another Cluster's",
			live: owningLabels(stamped("cluster-api", "team-a", "c1", ""), all[:3]...), want: profile.Owned, deletable: true,
		},
		"NameChanged": {
			why:  "a name that another writer put there names no Cluster",
			live: owningLabels(stamped("cluster-api", "team-a", "typo", "uid-2"), all[0], all[1], all[3]), want: profile.Owned, stray: true,
		},
		"InventoryChanged": {
			why:  "nor does such an Inventory have it deleted",
			live: owningLabels(stamped("cluster-api", "team-a", "c1", "uid-2"), all[1:]...), want: profile.Owned, stray: true,
		},
		"NameChangedOfAnother": {
			why:  "a profile whose UID is another Cluster's does not become our own by a changed name",
			live: owningLabels(stamped("cluster-api", "team-a", "c1", "uid-9"), all[0], all[1], all[3]), want: profile.Foreign, stray: true,
		},
		"Copy": {
			why:  "another program's copy of a profile has its labels, and is the other program's",
			live: stamped("cluster-api", "team-b", "c1", "uid-2"), want: profile.Foreign,
		},
		"ManagedFieldsRemoved": {
			why:  "under its own name, with the whole provenance, it is written again; but not deleted before that",
			live: stamped("cluster-api", "team-a", "c1", "uid-2"), want: profile.Owned,
		},
		"MadeByHand": {
			why:  "our manager's name alone does not prove ownership",
			live: &inventoryv1alpha1.ClusterProfile{Spec: stamped("cluster-api", "", "", "").Spec}, want: profile.Foreign,
		},
	} {
		t.Run(name, func(t *testing.T) {
			live := read(t, tc.live)
			if got := profile.OwnershipOf(live, "cluster-api", cluster); got != tc.want {
				t.Errorf("%s: got %v, want %v", tc.why, got, tc.want)
			}
			if got := live.MayBeDeleted("cluster-api"); got != tc.deletable {
				t.Errorf("%s: may be deleted: %v", tc.why, got)
			}
			if got := live.Stray("cluster-api"); got != tc.stray {
				t.Errorf("%s: stray: %v", tc.why, got)
			}
		})
	}
}

func TestIntrusions(t *testing.T) {
	inventory := compile(t, v1alpha1.InventorySpec{})
	f := facts(fixture.Cluster("a", "c1", fixture.Provisioned("v1.36.3")))
	wanted, _ := inventory.Status(f, 1)
	published := func(change func(*clientcmdv1.Cluster)) *inventoryv1alpha1.ClusterProfile {
		p := &inventoryv1alpha1.ClusterProfile{}
		p.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{
			{Name: "oidc"},
			{Name: "kubeconfig-secretreader", Cluster: *wanted.Status.AccessProviders[0].Cluster.DeepCopy()},
		}
		p.Status.AccessProviders[0].Cluster.ProxyURL = "https://theirs.example.com"
		change(&p.Status.AccessProviders[1].Cluster)
		return owningProvider(p, "kubeconfig-secretreader", "server", "extensions")
	}
	for name, tc := range map[string]struct {
		why    string
		change func(*clientcmdv1.Cluster)
		want   []string
	}{
		"None": {why: "there is nothing to remove", change: func(*clientcmdv1.Cluster) {}},
		"Server": {why: "a changed server, or authority, is put back by the apply", change: func(c *clientcmdv1.Cluster) {
			c.Server, c.CertificateAuthorityData = "https://evil.example.com", []byte("ca")
		}},
		"Proxy": {
			why:    "a proxy that no Inventory wants is removed",
			change: func(c *clientcmdv1.Cluster) { c.ProxyURL = "https://evil.example.com" },
			want:   []string{"/status/accessProviders/1/cluster/proxy-url"},
		},
		"File": {
			why:    "and a file that consumers would open",
			change: func(c *clientcmdv1.Cluster) { c.CertificateAuthority = "/etc/passwd" },
			want:   []string{"/status/accessProviders/1/cluster/certificate-authority"},
		},
		"TwoInReverse": {
			why:    "the last pointer comes first, so that each is still right when its turn comes",
			change: func(c *clientcmdv1.Cluster) { c.ProxyURL, c.TLSServerName = "https://e", "e" },
			want:   []string{"/status/accessProviders/1/cluster/tls-server-name", "/status/accessProviders/1/cluster/proxy-url"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, inventory.Intrusions(read(t, published(tc.change)), wanted)); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
		})
	}
	if got := inventory.Intrusions(nil, wanted); got != nil {
		t.Errorf("a profile that does not exist has none: %v", got)
	}
}

func TestOtherWriter(t *testing.T) {
	entry := func(manager string, minutes int) metav1.ManagedFieldsEntry {
		at := metav1.NewTime(now.Add(time.Duration(minutes) * time.Minute))
		return metav1.ManagedFieldsEntry{Manager: manager, Time: &at}
	}
	p := &inventoryv1alpha1.ClusterProfile{}
	p.ManagedFields = []metav1.ManagedFieldsEntry{
		entry("kubectl-edit", 2),
		entry("old-client", 3),
		entry(profile.FieldManager, 3),
		{Manager: "unknown"},
		{Manager: "of-status", Subresource: "status"},
	}
	if got := read(t, p).OtherWriter("status"); got != "of-status" {
		t.Errorf("the last one of the status: got %q", got)
	}
	if got := read(t, p).OtherWriter(""); got != "old-client" {
		t.Errorf("the last one beside us: got %q", got)
	}
	p.ManagedFields = append(p.ManagedFields, entry(profile.FieldManager, 4))
	if got := read(t, p).OtherWriter(""); got != "" {
		t.Errorf("no other writer has written after us: got %q", got)
	}
	if got := read(t, nil).OtherWriter(""); got != "" {
		t.Errorf("what does not exist has no writer: got %q", got)
	}
}
