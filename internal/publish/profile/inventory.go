// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
)

// Inventory is a v1alpha1.Inventory made ready for use: selectors parsed, globs and expressions compiled. It is safe for
// concurrent use.
type Inventory struct {
	name        string
	created     metav1.Time
	spec        v1alpha1.InventorySpec
	clusters    labels.Selector
	namespaces  labels.Selector
	labels      globs
	annotations globs
	properties  []property
	providers   []provider
	// granted are those for which there is an AccessGrant: the ones with a serviceAccount, and the broker's own.
	granted []provider
	// uses are the variables that an expression reads: each reconcile of each Cluster asks.
	uses map[string]bool
}

// Compile makes an Inventory ready for use. Its error joins all that cannot work, each with its field.
func Compile(compiler *cel.Compiler, source *v1alpha1.Inventory) (*Inventory, error) {
	inv := &Inventory{name: source.Name, created: source.CreationTimestamp, spec: source.Spec}
	var errs [6]error
	inv.clusters, errs[0] = selector("spec.clusterSelector", &source.Spec.ClusterSelector)
	inv.namespaces, errs[1] = selector("spec.namespaceSelector", &source.Spec.NamespaceSelector)
	inv.labels, errs[2] = compileGlobs("spec.labels", source.Spec.Labels, includedLabels...)
	inv.annotations, errs[3] = compileGlobs("spec.annotations", source.Spec.Annotations)
	inv.properties, errs[4] = compileProperties(compiler, source.Spec.Properties)
	inv.providers, errs[5] = compileProviders(compiler, source.Spec.AccessProviders)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	for i := range inv.providers {
		inv.providers[i].publisherClass = source.Spec.PublisherClass
	}
	inv.granted = grantedProviders(inv.providers, &source.Spec)
	inv.uses = inv.usedVariables()
	return inv, nil
}

func selector(field string, source *metav1.LabelSelector) (labels.Selector, error) {
	selector, err := metav1.LabelSelectorAsSelector(source)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return selector, nil
}

// Name is the name of the Inventory.
func (inv *Inventory) Name() string { return inv.name }

// OptedOut reports whether the Cluster says that no Inventory may publish it: its label capi-inventory.dev/publish is false, in
// any of the spellings of strconv.ParseBool.
func OptedOut(cluster *clusterv1.Cluster) bool {
	publish, err := strconv.ParseBool(cluster.Labels[v1alpha1.LabelPublish])
	return err == nil && !publish
}

func isBool(value string) bool {
	_, err := strconv.ParseBool(value)
	return err == nil
}

// Selects reports whether the Inventory wants a Cluster, given the labels of the Cluster's namespace.
func (inv *Inventory) Selects(cluster *clusterv1.Cluster, namespace labels.Set) bool {
	return !OptedOut(cluster) &&
		inv.clusters.Matches(labels.Set(cluster.Labels)) &&
		inv.namespaces.Matches(namespace)
}

// Uses reports whether an expression of the Inventory reads the variable: objects that no expression reads need not be kept.
func (inv *Inventory) Uses(variable string) bool { return inv.uses[variable] }

// usedVariables are those that an expression reads.
func (inv *Inventory) usedVariables() map[string]bool {
	var programs []*cel.Program
	for _, p := range inv.properties {
		programs = append(programs, p.program)
	}
	for _, p := range inv.providers {
		if p.exec != nil {
			programs = append(programs, p.exec.programs...)
		}
	}
	used := map[string]bool{}
	for _, variable := range []string{cel.Cluster, cel.ControlPlane, cel.Infrastructure} {
		used[variable] = slices.ContainsFunc(programs, func(program *cel.Program) bool { return program.Uses(variable) })
	}
	return used
}

// TrustsSpokeChecks reports whether SpokeChecks count beside Cluster API.
func (inv *Inventory) TrustsSpokeChecks() bool {
	return inv.spec.SpokeCheckPolicy == v1alpha1.SpokeCheckPolicyTrust
}

// Secrets are the keys of Secrets that the Inventory needs to know of for a Cluster, each once.
func (inv *Inventory) Secrets(cluster *clusterv1.Cluster) []SecretKey {
	var keys []SecretKey
	seen := map[SecretKey]bool{}
	for _, p := range slices.Concat(inv.providers, inv.granted) {
		if key, ok := p.secret(cluster); ok && !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}
