// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
)

// maxPropertyValue is the length of the longest property value that the ClusterProfile CRD accepts, in bytes as a safe
// reading of its characters. A longer one is left out, never cut.
const maxPropertyValue = 1024

// property is a property of the Inventory's.
type property struct {
	name    string
	program *cel.Program
}

func compileProperties(compiler *cel.Compiler, source []v1alpha1.PropertyExpression) ([]property, error) {
	var compiled []property
	var faults []error
	for _, p := range source {
		program, err := compiler.Compile(string(p.Expression))
		if err != nil {
			faults = append(faults, fmt.Errorf("spec.properties[%s].expression: %w", p.Name, err))
			continue
		}
		compiled = append(compiled, property{name: p.Name, program: program})
	}
	return compiled, errors.Join(faults...)
}

// publishedProperties are the derived and the computed properties, by name.
func (inv *Inventory) publishedProperties(f Facts) ([]*inventoryac.PropertyApplyConfiguration, []Problem) {
	values := map[string]string{}
	for _, derived := range DerivedProperties(inv.name, &inv.spec, f.Cluster) {
		values[derived.Name] = derived.Value
	}
	problems := inv.computeProperties(f, values)
	var properties []*inventoryac.PropertyApplyConfiguration
	for name, value := range values {
		if value != "" {
			properties = append(properties, inventoryac.Property().WithName(name).WithValue(value))
		}
	}
	slices.SortFunc(properties, func(a, b *inventoryac.PropertyApplyConfiguration) int { return cmp.Compare(*a.Name, *b.Name) })
	return properties, problems
}

func (inv *Inventory) computeProperties(f Facts, values map[string]string) []Problem {
	if len(inv.properties) == 0 {
		return nil
	}
	variables, err := f.variables()
	if err != nil {
		return []Problem{problem(v1alpha1.ProblemPropertySkipped, "the Cluster cannot be handed to an expression: %v", err)}
	}
	var problems []Problem
	for _, p := range inv.properties {
		if f.waits(p.program) != "" {
			values[p.name] = f.Published.property(p.name)
			continue
		}
		value, err := p.program.Text(variables)
		switch {
		case errors.Is(err, cel.ErrAbsent):
		case errors.Is(err, cel.ErrDeadline):
			// A busy machine is no reason to take a property away, by which consumers select.
			values[p.name] = f.Published.property(p.name)
			problems = append(
				problems,
				problem(v1alpha1.ProblemPropertySkipped, "property %s: %v; it stays as it was published", p.name, err),
			)
		case err != nil:
			problems = append(problems, problem(v1alpha1.ProblemPropertySkipped, "property %s: %v", p.name, err))
		case len(value) > maxPropertyValue:
			problems = append(
				problems,
				problem(
					v1alpha1.ProblemPropertySkipped,
					"property %s: its value has %d bytes; ClusterProfile allows %d",
					p.name,
					len(value),
					maxPropertyValue,
				),
			)
		default:
			values[p.name] = value
		}
	}
	return problems
}
