// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Tile is what the page shows of every profile.
type Tile struct {
	// Key is the namespace and the name, joined by a slash.
	Key         string `json:"key"`
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	DisplayName string `json:"displayName,omitempty"`
	Manager     string `json:"manager,omitempty"`
	Version     string `json:"version,omitempty"`
	Region      string `json:"region,omitempty"`
	Inventory   string `json:"inventory,omitempty"`
	State       State  `json:"state"`
	// Reason is a word, and Why a sentence.
	Reason string     `json:"reason,omitempty"`
	Why    string     `json:"why,omitempty"`
	Since  *time.Time `json:"since,omitempty"`
	// Expires is the first end of the certificates and tokens that the access depends on, and Expiring is which of them.
	Expires  *time.Time `json:"expires,omitempty"`
	Expiring string     `json:"expiring,omitempty"`
	// Changed is the last time that a condition changed or that the profile was created, and Change is which of these.
	Changed  *time.Time `json:"changed,omitempty"`
	Change   string     `json:"change,omitempty"`
	Deleting bool       `json:"deleting,omitempty"`
	// Labels and Properties are the first by name, at most 64 each.
	Labels     map[string]string `json:"labels,omitempty"`
	Properties map[string]string `json:"properties,omitempty"`
}

// NewTile returns the tile of a profile, and the next time at which it changes although no object does; zero if there is none.
func NewTile(o Objects, now time.Time) (tile Tile, until time.Time) {
	found := o.evaluate(now)
	p := o.Profile
	tile = Tile{
		Key:         p.Namespace + "/" + p.Name,
		Namespace:   p.Namespace,
		Name:        p.Name,
		DisplayName: cut(p.Spec.DisplayName),
		Manager:     cut(p.Spec.ClusterManager.Name),
		Version:     cut(p.Status.Version.Kubernetes),
		Inventory:   p.Labels[v1alpha1.LabelInventory],
		State:       found.state,
		Reason:      cut(found.reason),
		Why:         cut(found.why),
		Since:       instant(found.since),
		Deleting:    !p.DeletionTimestamp.IsZero(),
		Labels:      bound(p.Labels),
	}
	properties := make(map[string]string, len(p.Status.Properties))
	for _, property := range p.Status.Properties {
		properties[property.Name] = property.Value
	}
	tile.Properties = bound(properties)
	tile.Region = cut(region(p.Labels, properties))
	if first := o.expiration(); first != nil {
		tile.Expires, tile.Expiring = instant(first.Time.Time), cut(string(first.Kind))
	}
	changed, change := o.lastChange()
	tile.Changed, tile.Change = changed, cut(change)
	return tile, o.until(now)
}

// region returns the region by the label of Kubernetes, or by a label or a property whose name begins with the word.
func region(labels, properties map[string]string) string {
	if value := labels[corev1.LabelTopologyRegion]; value != "" {
		return value
	}
	for _, from := range []map[string]string{properties, labels} {
		var names []string
		for name := range from {
			if _, last, _ := strings.Cut(name, "/"); name == "region" || strings.HasPrefix(name, "region.") || last == "region" {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			return from[slices.Min(names)]
		}
	}
	return ""
}

// lastChange returns the last change that the objects record.
func (o Objects) lastChange() (at *time.Time, what string) {
	conditions := slices.Clone(o.Profile.Status.Conditions)
	if o.Check != nil {
		conditions = append(conditions, o.Check.Status.Conditions...)
	}
	last := slices.MaxFunc(append(conditions, metav1.Condition{LastTransitionTime: o.Profile.CreationTimestamp}),
		func(a, b metav1.Condition) int {
			return cmp.Or(a.LastTransitionTime.Compare(b.LastTransitionTime.Time), cmp.Compare(a.Type, b.Type))
		})
	if last.Type == "" {
		return instant(o.Profile.CreationTimestamp.Time), "created"
	}
	return instant(last.LastTransitionTime.Time), fmt.Sprintf("%s: %s (%s)", last.Type, last.Status, last.Reason)
}

// instant returns a time for JSON; nil if it is zero, or in UTC in no year that JSON can hold, which the API server accepts with an offset.
func instant(at time.Time) *time.Time {
	at = at.UTC()
	if year := at.Year(); at.IsZero() || year < 0 || year > 9999 {
		return nil
	}
	return &at
}
