// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package property decides which of the properties that a spoke has of itself, as ClusterProperty objects (about.k8s.io, KEP-2149), are
// published on its ClusterProfile. It reads and writes nothing.
//
// The broker applies them under a field manager of its own, in the list in which the publisher and others have theirs. An entry that
// another manager owns is theirs, whatever the spoke says.
package property

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/printable"
	"github.com/capi-inventory/capi-inventory/internal/publish/ssa"
)

// FieldManager is the name under which the broker writes.
const FieldManager = "capi-inventory-broker"

const (
	// MaxRead is how many ClusterProperties of a spoke are looked at.
	MaxRead = 500
	// MaxImported is how many of them are published.
	MaxImported = 64
	// maxValue is the length of the longest value that the ClusterProfile CRD accepts, in bytes as a safe reading of its characters. A
	// longer one is left out, never cut.
	maxValue = 1024
	// reservedSuffix ends the names of the publisher's own properties.
	reservedSuffix = ".capi-inventory.dev"
	// maxNamed is how many of those that are left out are named, each with at most maxQuoted bytes.
	maxNamed, maxQuoted = 5, 64
)

// Property is a ClusterProperty.
type Property struct{ Name, Value string }

// Spoke is what a spoke says of itself.
type Spoke struct {
	// ID is the UID of the namespace kube-system; empty if there is none.
	ID string
	// Properties are the ClusterProperties.
	Properties []Property
	// More says that there are more than were read.
	More bool
}

// Decision is what is to be published of a Spoke.
type Decision struct {
	// Wanted is to be applied to the status of the profile.
	Wanted *inventoryac.ClusterProfileApplyConfiguration
	// Changes reports whether that would change anything.
	Changes bool
	// Skipped says in a line what is left out, and why; empty if nothing is.
	Skipped string
}

// Decide returns what the broker is to publish of a spoke on its profile, as it is now.
func Decide(said Spoke, live *inventoryv1alpha1.ClusterProfile) (Decision, error) {
	own, err := ssa.Of(live, FieldManager)
	if err != nil {
		return Decision{}, err
	}
	others, err := ssa.OthersOf(live, FieldManager)
	if err != nil {
		return Decision{}, err
	}
	imported, skipped := said.split(func(name string) bool { return others.Own("status", "properties", ssa.Item("name", name)) })
	status := inventoryac.ClusterProfileStatus()
	for _, p := range imported {
		status.WithProperties(inventoryac.Property().WithName(p.Name).WithValue(p.Value))
	}
	wanted := inventoryac.ClusterProfile(live.Name, live.Namespace).WithResourceVersion(live.ResourceVersion).WithStatus(status)
	decision := Decision{Wanted: wanted, Skipped: summary(skipped)}
	if len(imported) == 0 {
		decision.Changes = own.Owns("status", "status", "properties")
		return decision, nil
	}
	unchanged, err := own.Unchanged(wanted, "status")
	decision.Changes = !unchanged
	return decision, err
}

// split returns the properties to publish, by name, and why others are not.
func (s Spoke) split(isForeign func(name string) bool) (imported []Property, skipped []string) {
	seen := map[string]bool{}
	for _, p := range s.identified() {
		fault := ""
		switch {
		case len(validation.IsDNS1123Subdomain(p.Name)) > 0 || seen[p.Name]:
			fault = "not the name of an object"
		case strings.HasSuffix(p.Name, reservedSuffix):
			fault = "the name is reserved"
		case isForeign(p.Name):
			fault = "another writer publishes it"
		case p.Value == "" || len(p.Value) > maxValue:
			fault = fmt.Sprintf("its value has %d bytes, and ClusterProfile allows 1 to %d", len(p.Value), maxValue)
		case len(imported) == MaxImported:
			fault = fmt.Sprintf("more than %d", MaxImported)
		}
		seen[p.Name] = true
		if fault == "" {
			imported = append(imported, p)
		} else {
			skipped = append(skipped, fmt.Sprintf("%s (%s)", printable.Line(p.Name, maxQuoted), fault))
		}
	}
	if s.More {
		skipped = append(skipped, fmt.Sprintf("those after the first %d", MaxRead))
	}
	slices.SortFunc(imported, byName)
	return imported, skipped
}

// identified returns the properties with the spoke's ID, which is its own if it has one. Those about identity, which no limit must leave
// out, are first, and the others by name.
func (s Spoke) identified() []Property {
	isID := func(p Property) bool { return p.Name == v1alpha1.PropertyClusterID }
	isIdentity := func(p Property) bool { return isID(p) || p.Name == v1alpha1.PropertyClusterSet }
	first, others := []Property{}, slices.DeleteFunc(slices.Clone(s.Properties), isIdentity)
	if s.ID != "" && !slices.ContainsFunc(s.Properties, isID) {
		first = append(first, Property{v1alpha1.PropertyClusterID, s.ID})
	}
	for _, p := range s.Properties {
		if isIdentity(p) {
			first = append(first, p)
		}
	}
	slices.SortFunc(others, byName)
	return append(first, others...)
}

func byName(a, b Property) int { return strings.Compare(a.Name, b.Name) }

// summary names the first of those that are left out.
func summary(skipped []string) string {
	if more := len(skipped) - maxNamed; more > 0 {
		skipped = append(skipped[:maxNamed:maxNamed], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(skipped, ", ")
}
