// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/property"
	"github.com/capi-inventory/capi-inventory/internal/printable"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// execExtension is the extension that holds the parameters of a credential plugin.
const execExtension = "client.authentication.k8s.io/exec"

// explainer explains one profile.
type explainer struct {
	profile *inventoryv1alpha1.ClusterProfile
	owners  owners
	// facts are those of the publisher's core; their Cluster is nil if the profile stands for none, or if it may not be read.
	facts profile.Facts
	// inventory is the specification of the Inventory that published the profile; empty if it is not known.
	inventory v1alpha1.InventorySpec
	// hidden means that the user may not read Inventories.
	hidden bool
	out    []Field
}

// fields returns every field of a profile, in the order of its YAML.
func (f Facts) fields(p *inventoryv1alpha1.ClusterProfile) []Field {
	e := &explainer{
		profile: p,
		owners:  ownersOf(p.ManagedFields),
		facts:   profile.Facts{Manager: p.Spec.ClusterManager.Name, Cluster: f.Cluster},
		hidden:  f.Unread.Inventories,
	}
	if live, err := profile.Read(p); err == nil {
		e.facts.Published = live
	}
	for i := range f.Inventories {
		if f.Inventories[i].Name == p.Labels[v1alpha1.LabelInventory] {
			e.inventory = f.Inventories[i].Spec
		}
	}
	e.metadata()
	e.spec()
	e.status()
	return e.out
}

// add adds a field. at is its path in the object. The source is that of the publisher; without a Cluster it is not known, and if the
// publisher does not own the field, its owners are the source.
func (e *explainer) add(field Field, at ...any) {
	field.Owners = e.owners.of(fieldpath.MakePathOrDie(at...))
	others := len(field.Owners) > 0 && !slices.Contains(field.Owners, profile.FieldManager)
	switch {
	case e.facts.Cluster == nil && (!others || !profile.IsApplied(e.profile)):
		field.Source = "the cluster manager " + e.profile.Spec.ClusterManager.Name
	case slices.Equal(field.Owners, []string{property.FieldManager}):
		field.Source = "what the spoke says of itself, by " + e.inventorySpec() + ".clusterPropertyPolicy"
	case others:
		field.Source = "the field manager " + strings.Join(field.Owners, ", ")
	}
	e.out = append(e.out, field)
}

func (e *explainer) metadata() {
	for _, key := range slices.Sorted(maps.Keys(e.profile.Labels)) {
		e.add(Field{
			Path:   "metadata.labels[" + key + "]",
			Value:  e.profile.Labels[key],
			Source: e.labelSource(key),
		}, "metadata", "labels", key)
	}
	for _, key := range slices.Sorted(maps.Keys(e.profile.Annotations)) {
		source := fmt.Sprintf("the Cluster's annotation, by %s.annotations", e.inventorySpec())
		e.add(Field{Path: "metadata.annotations[" + key + "]", Value: e.profile.Annotations[key], Source: source},
			"metadata", "annotations", key)
	}
	for _, finalizer := range e.profile.Finalizers {
		source := "a consumer that cleans up before the profile is deleted"
		e.add(Field{Path: "metadata.finalizers", Value: finalizer, Source: source},
			"metadata", "finalizers", value.NewValueInterface(finalizer))
	}
}

func (e *explainer) labelSource(key string) string {
	if e.facts.Cluster == nil {
		return ""
	}
	for _, label := range profile.OwnLabels(e.facts, e.inventoryName()) {
		if label.Name == key {
			return label.Source
		}
	}
	return fmt.Sprintf("the Cluster's label, by %s.labels", e.inventorySpec())
}

func (e *explainer) inventoryName() string { return e.profile.Labels[v1alpha1.LabelInventory] }

// inventorySpec is the prefix of a source in the Inventory.
func (e *explainer) inventorySpec() string { return "Inventory " + e.inventoryName() + " spec" }

func (e *explainer) spec() {
	manager := Field{Path: "spec.clusterManager.name", Value: e.profile.Spec.ClusterManager.Name}
	manager.Source = e.labelSource(inventoryv1alpha1.LabelClusterManagerKey)
	e.add(manager, "spec", "clusterManager", "name")
	if e.profile.Spec.DisplayName != "" {
		field := Field{Path: "spec.displayName", Value: e.profile.Spec.DisplayName}
		if e.facts.Cluster != nil {
			field.Source = profile.DisplayName(e.facts.Cluster).Source
		}
		e.add(field, "spec", "displayName")
	}
}

func (e *explainer) status() {
	status := &e.profile.Status
	if status.Version.Kubernetes != "" {
		field := Field{Path: "status.version.kubernetes", Value: status.Version.Kubernetes}
		if e.facts.Cluster != nil {
			field.Source = profile.VersionSource(e.facts.Cluster, e.inventory.SpokeCheckPolicy)
		}
		e.add(field, "status", "version", "kubernetes")
	}
	for _, condition := range status.Conditions {
		field := Field{Path: "status.conditions[" + condition.Type + "]", Value: fmt.Sprintf("%s (%s)", condition.Status, condition.Reason)}
		if e.facts.Cluster != nil {
			field.Source = profile.ConditionSource(e.facts.Cluster, condition)
		}
		e.add(field, "status", "conditions", fieldpath.KeyByFields("type", condition.Type))
	}
	for _, property := range status.Properties {
		e.add(Field{Path: "status.properties[" + property.Name + "]", Value: property.Value, Source: e.propertySource(property.Name)},
			"status", "properties", fieldpath.KeyByFields("name", property.Name))
	}
	for _, provider := range status.AccessProviders {
		e.provider("accessProviders", provider)
	}
	for _, provider := range status.CredentialProviders {
		e.provider("credentialProviders", provider)
	}
}

func (e *explainer) propertySource(name string) string {
	if e.facts.Cluster == nil {
		return ""
	}
	for _, property := range e.inventory.Properties {
		if property.Name == name {
			return fmt.Sprintf("%s.properties: %s", e.inventorySpec(), property.Expression)
		}
	}
	for _, property := range profile.DerivedProperties(e.inventoryName(), &e.inventory, e.facts.Cluster) {
		if property.Name == name {
			return property.Source
		}
	}
	return e.inventorySpec() + ".properties"
}

// provider adds an access provider: its server, and where that comes from.
func (e *explainer) provider(list string, provider inventoryv1alpha1.AccessProvider) {
	path := fmt.Sprintf("status.%s[%s]", list, provider.Name)
	e.add(Field{Path: path, Value: printable.WithoutUserInfo(provider.Cluster.Server), Source: e.providerSource(provider)},
		"status", list, fieldpath.KeyByFields("name", provider.Name))
}

func (e *explainer) providerSource(provider inventoryv1alpha1.AccessProvider) string {
	for _, p := range e.inventory.AccessProviders {
		if p.Name == provider.Name && p.Exec != nil && p.Exec.Server != "" {
			return fmt.Sprintf("%s.accessProviders: %s", e.inventorySpec(), p.Exec.Server)
		}
	}
	switch secret, name := secretOf(provider.Cluster.Extensions); {
	case secret == "":
		return "the Cluster's kubeconfig Secret"
	case name == grantedSecret(e.profile.Name, provider.Name):
		return "the Cluster's kubeconfig Secret; the credentials are in the Secret " + secret
	default:
		return "the kubeconfig in the Secret " + secret
	}
}

// secretOf returns the Secret that the extension for plugins refers to, with its key, and the Secret's name alone; empty for none.
func secretOf(extensions []clientcmdv1.NamedExtension) (secret, name string) {
	var reference struct{ Namespace, Name, Key string }
	for _, extension := range extensions {
		if extension.Name != execExtension || json.Unmarshal(extension.Extension.Raw, &reference) != nil {
			continue
		}
		if reference.Name != "" && reference.Key != "" {
			return fmt.Sprintf("%s/%s (%s)", reference.Namespace, reference.Name, reference.Key), reference.Name
		}
	}
	return "", ""
}
