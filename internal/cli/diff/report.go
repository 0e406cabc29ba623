// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Kind is how an Inventory is edited.
type Kind string

// The kinds of edits.
const (
	// New: the hub has no Inventory of the name.
	New Kind = "New"
	// Edited: the Inventory of the hub has another specification.
	Edited Kind = "Edited"
	// Same: the Inventory of the hub has the same specification.
	Same Kind = "Same"
	// None: the Inventory is not edited; an edit of another one concerns it.
	None Kind = "None"
)

// Action is what would become of a profile.
type Action string

// The actions.
const (
	// Publish: the profile would be created.
	Publish Action = "Publish"
	// Withdraw: the profile would be deleted.
	Withdraw Action = "Withdraw"
	// Rename: the profile would be created, and the one of the earlier name or namespace deleted after that.
	Rename Action = "Rename"
	// TakeOver: the profile would stay, and be another Inventory's.
	TakeOver Action = "TakeOver"
	// Change: the profile, or an access to the spoke, would change.
	Change Action = "Change"
	// Leave: the Inventory would select the Cluster, and leave it to the Inventory that publishes it into the namespace already.
	Leave Action = "Leave"
	// Blocked: the edit cannot be carried out for the Cluster. What is published of it stays.
	Blocked Action = "Blocked"
)

// Report is what an edit would do.
type Report struct {
	Kind string `json:"kind"`
	// Inventories are the edited ones, and those that the edit concerns.
	Inventories []Inventory `json:"inventories"`
	// Total are the counts of all Inventories.
	Total Counts `json:"total"`
	// Unread lists what the user may not read, and what is not known because of that.
	Unread []string `json:"unread,omitempty"`
	// Notes are sentences about what the diff assumes.
	Notes []string `json:"notes,omitempty"`
	// Changes are sorted by Clusters and profiles.
	Changes []ProfileChange `json:"changes"`
}

// Inventory is what an edit does to an Inventory.
type Inventory struct {
	Name string `json:"name"`
	Edit Kind   `json:"edit"`
	// Before and After are how many Clusters it selects.
	Before int `json:"clustersBefore"`
	After  int `json:"clustersAfter"`
	Counts `    json:",inline"`
}

// Counts are numbers of profiles.
type Counts struct {
	Publish   int `json:"publish"`
	Withdraw  int `json:"withdraw"`
	Rename    int `json:"rename"`
	TakeOver  int `json:"takeOver"`
	Change    int `json:"change"`
	Leave     int `json:"leave"`
	Blocked   int `json:"blocked"`
	Unchanged int `json:"unchanged"`
}

// ProfileChange is what would become of one profile.
type ProfileChange struct {
	Cluster   string `json:"cluster"`
	Inventory string `json:"inventory"`
	Action    Action `json:"action"`
	// Profile is the profile that would be there, or that would be withdrawn.
	Profile string `json:"profile,omitempty"`
	// From is the profile that would be withdrawn after that, or that stays because it cannot be replaced.
	From string `json:"from,omitempty"`
	// FromInventory is the Inventory of the profile before the edit, if it is another one.
	FromInventory string `json:"fromInventory,omitempty"`
	// Why is a sentence.
	Why string `json:"why,omitempty"`
	// Fields are the fields that would change.
	Fields []Field `json:"fields,omitempty"`
	// Problems are what the Inventory would report for the Cluster, and does not report now.
	Problems []Problem `json:"problems,omitempty"`
}

// Field is a field that would change; empty for none.
type Field struct {
	Path   string `json:"path"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Problem is one thing that could not be published.
type Problem struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Stops reports whether the edit would delete profiles, or cannot be carried out.
func (r Report) Stops() bool { return r.Total.Withdraw+r.Total.Rename+r.Total.Blocked > 0 }

// count adds to the number of an action.
func (c *Counts) count(action Action) {
	switch action {
	case Publish:
		c.Publish++
	case Withdraw:
		c.Withdraw++
	case Rename:
		c.Rename++
	case TakeOver:
		c.TakeOver++
	case Change:
		c.Change++
	case Leave:
		c.Leave++
	case Blocked:
		c.Blocked++
	}
}

// report returns the Report on what was found.
func (d *differ) report() Report {
	r := Report{Kind: "InventoryDiff", Unread: d.Unread, Notes: d.notes(), Changes: d.changes}
	for _, change := range d.changes {
		d.inventory(change.Inventory).count(change.Action)
		r.Total.count(change.Action)
	}
	for _, name := range slices.Sorted(maps.Keys(d.inventories)) {
		r.Inventories = append(r.Inventories, *d.inventories[name])
		r.Total.Unchanged += d.inventories[name].Unchanged
	}
	slices.SortStableFunc(r.Changes, func(a, b ProfileChange) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Profile, b.Profile))
	})
	return r
}

// notes says which profiles are left out because they have another cluster manager name than most.
func (d *differ) notes() []string {
	if len(d.others) == 0 {
		return nil
	}
	first := d.others[0]
	_, inventory, _ := first.Provenance()
	return []string{
		fmt.Sprintf(
			"%d ClusterProfiles that a publisher has applied are left out: their cluster manager name is not the one that most have, which the "+
				"publisher's flag is taken to be. The first is %s/%s: %q, and not %q.",
			len(d.others),
			first.Namespace,
			first.Name,
			first.Spec.ClusterManager.Name,
			d.managers[d.edit.classOf[inventory]],
		),
	}
}

// inventory returns the entry of an Inventory in the Report.
func (d *differ) inventory(name string) *Inventory {
	if d.inventories[name] == nil {
		d.inventories[name] = &Inventory{Name: name, Edit: cmp.Or(d.edit.kinds[name], None)}
	}
	return d.inventories[name]
}
