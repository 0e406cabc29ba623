// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/ssa"
)

// Live is a ClusterProfile of the hub and what the publisher owns of it. Labels can be forged, removed and copied;
// managedFields are kept by the API server. So a value counts as the publisher's only where managedFields say that the
// publisher applied it and no other writer has changed it since. A nil Live is a profile that does not exist.
type Live struct {
	*inventoryv1alpha1.ClusterProfile
	applied *ssa.State
}

// Read reads who owns what of a live profile, which is not changed; nil gives nil. Its error says that managedFields cannot be
// decoded.
func Read(live *inventoryv1alpha1.ClusterProfile) (*Live, error) {
	if live == nil {
		return nil, nil
	}
	state, err := ssa.Of(live, FieldManager)
	if err != nil {
		return nil, err
	}
	return &Live{ClusterProfile: live, applied: state}, nil
}

// Applied reports whether the publisher has applied the profile: it is neither another manager's nor a copy.
func (l *Live) Applied() bool { return l.applied.Applied() }

// Unchanged reports whether an apply of what is wanted would change nothing of the profile, or of its status.
func (l *Live) Unchanged(want any, subresource string) (bool, error) {
	return l.applied.Unchanged(want, subresource)
}

// label returns the value of a label that the publisher owns; empty and false for any other.
func (l *Live) label(key string) (string, bool) {
	value, found := l.Labels[key]
	if !found || !l.applied.Owns("", "metadata", "labels", key) {
		return "", false
	}
	return value, true
}

// Provenance returns the Cluster that the profile stands for and the Inventory that published it, as far as the publisher owns the
// labels that say so; false where one of them was taken, changed, or copied from another profile, and is empty.
func (l *Live) Provenance() (cluster types.NamespacedName, inventory string, owned bool) {
	namespace, ownsNamespace := l.label(v1alpha1.LabelClusterNamespace)
	name, ownsName := l.label(v1alpha1.LabelClusterName)
	inventory, ownsInventory := l.label(v1alpha1.LabelInventory)
	return types.NamespacedName{Namespace: namespace, Name: name}, inventory, ownsNamespace && ownsName && ownsInventory
}

// ClusterUID returns the UID of the Cluster that the profile stands for; empty where the publisher does not own the label.
func (l *Live) ClusterUID() types.UID {
	uid, _ := l.label(v1alpha1.LabelClusterUID)
	return types.UID(uid)
}

// IsOfEarlier reports whether the profile stands for an earlier Cluster than the one that has the name now, by the UID of the latter;
// empty for none.
func (l *Live) IsOfEarlier(current types.UID) bool {
	return current == "" || l.ClusterUID() != "" && l.ClusterUID() != current
}

// MayBeDeleted reports whether the profile is this publisher's to delete: of its manager, applied by it, and with a provenance
// that no other writer has changed. A copy that another program made has the labels and not the ownership.
func (l *Live) MayBeDeleted(manager string) bool {
	if l == nil || l.Spec.ClusterManager.Name != manager {
		return false
	}
	_, _, owned := l.Provenance()
	return owned
}

// Stray reports whether the profile is of this publisher's manager and applied by it, with a provenance that another writer has
// changed: MayBeDeleted does not hold.
func (l *Live) Stray(manager string) bool {
	return l != nil && l.Spec.ClusterManager.Name == manager && l.Applied() && !l.MayBeDeleted(manager)
}

// condition returns a published condition; the zero condition for none, or where the publisher does not own what it says.
func (l *Live) condition(conditionType string) metav1.Condition {
	if l == nil || !l.applied.Owns("status", "status", "conditions", ssa.Item("type", conditionType), "reason") {
		return metav1.Condition{}
	}
	if found := meta.FindStatusCondition(l.Status.Conditions, conditionType); found != nil {
		return *found
	}
	return metav1.Condition{}
}

// publishes reports whether the server is that of an access provider of the publisher's.
func (l *Live) publishes(server string) bool {
	return l != nil && slices.ContainsFunc(l.Status.AccessProviders, func(p inventoryv1alpha1.AccessProvider) bool {
		return p.Cluster.Server == server && l.applied.Owns("status", append(providerPath(p.Name), "cluster", "server")...)
	})
}

// version returns the published Kubernetes version, where the publisher owns it; empty for none.
func (l *Live) version() string {
	if l == nil || !l.applied.Owns("status", "status", "version", "kubernetes") {
		return ""
	}
	return l.Status.Version.Kubernetes
}

// property returns the published value of a property, where the publisher owns it; empty for none.
func (l *Live) property(name string) string {
	if l == nil || !l.applied.Owns("status", "status", "properties", ssa.Item("name", name), "value") {
		return ""
	}
	i := slices.IndexFunc(l.Status.Properties, func(p inventoryv1alpha1.Property) bool { return p.Name == name })
	if i < 0 {
		return ""
	}
	return l.Status.Properties[i].Value
}

// OtherWriter names the manager, other than the publisher, that wrote the profile (or the subresource) last; empty where there is
// none, or where the publisher has written after it: who has once set a label fights about nothing.
func (l *Live) OtherWriter(subresource string) string {
	if l == nil {
		return ""
	}
	return OtherWriter(l, subresource)
}

// OtherWriter names the manager, other than the publisher, that wrote an object (or the subresource) last, as Live.OtherWriter does.
func OtherWriter(object metav1.Object, subresource string) string {
	var own time.Time
	for _, e := range object.GetManagedFields() {
		if e.Manager == FieldManager && e.Subresource == subresource && timeOf(e).After(own) {
			own = timeOf(e)
		}
	}
	others := slices.DeleteFunc(slices.Clone(object.GetManagedFields()), func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == FieldManager || e.Subresource != subresource || timeOf(e).Before(own)
	})
	if len(others) == 0 {
		return ""
	}
	return slices.MaxFunc(others, func(a, b metav1.ManagedFieldsEntry) int { return timeOf(a).Compare(timeOf(b)) }).Manager
}

func timeOf(entry metav1.ManagedFieldsEntry) time.Time {
	if entry.Time == nil {
		return time.Time{}
	}
	return entry.Time.Time
}
