// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// execExtension carries the parameters of a credential plugin.
const execExtension = "client.authentication.k8s.io/exec"

// explainer explains one profile.
type explainer struct {
	profile   *inventoryv1alpha1.ClusterProfile
	owners    owners
	cluster   *clusterv1.Cluster
	inventory *v1alpha1.Inventory
	// hidden says that the Inventory may be there and could not be read.
	hidden bool
	out    []Field
}

// fields tells of every field of a profile, in the order of its YAML.
func (f Facts) fields(p *inventoryv1alpha1.ClusterProfile) []Field {
	e := &explainer{profile: p, owners: ownersOf(p.ManagedFields), cluster: f.Cluster, hidden: f.Unread.Inventories}
	for i := range f.Inventories {
		if f.Inventories[i].Name == p.Labels[v1alpha1.LabelInventory] {
			e.inventory = &f.Inventories[i]
		}
	}
	e.metadata()
	e.spec()
	e.status()
	return e.out
}

// add tells of a field, which has its place in the object. Where the publisher is not among those that set it, the source is
// whoever did.
func (e *explainer) add(path, text, source string, place ...any) {
	owners := e.owners.of(fieldpath.MakePathOrDie(place...))
	switch {
	case e.cluster == nil:
		source = "the cluster manager " + e.profile.Spec.ClusterManager.Name
	case len(owners) > 0 && !slices.Contains(owners, profile.FieldManager):
		source = "whoever writes as " + strings.Join(owners, ", ")
	}
	e.out = append(e.out, Field{Path: path, Value: text, Source: source, Owners: owners})
}

func (e *explainer) metadata() {
	for _, key := range slices.Sorted(maps.Keys(e.profile.Labels)) {
		e.add("metadata.labels["+key+"]", e.profile.Labels[key], e.labelSource(key), "metadata", "labels", key)
	}
	for _, key := range slices.Sorted(maps.Keys(e.profile.Annotations)) {
		e.add("metadata.annotations["+key+"]", e.profile.Annotations[key], fmt.Sprintf("the Cluster's annotation, by %s.annotations", e.inventorySpec()), "metadata", "annotations", key)
	}
	for _, finalizer := range e.profile.Finalizers {
		e.add("metadata.finalizers", finalizer, "a consumer that cleans up before the profile goes", "metadata", "finalizers", value.NewValueInterface(finalizer))
	}
}

func (e *explainer) labelSource(key string) string {
	switch key {
	case inventoryv1alpha1.LabelClusterManagerKey:
		return "the publisher's --cluster-manager-name"
	case v1alpha1.LabelInventoryMemberID:
		if e.cluster != nil && e.profile.Labels[key] == string(e.cluster.UID) {
			return "the Cluster's UID"
		}
		return "the Cluster's label of that name when the profile was first published"
	case v1alpha1.LabelInventory:
		return "the Inventory's name"
	case v1alpha1.LabelClusterNamespace, v1alpha1.LabelClusterName, v1alpha1.LabelClusterUID:
		return "the Cluster's metadata: provenance"
	}
	return fmt.Sprintf("the Cluster's label, by %s.labels", e.inventorySpec())
}

// inventorySpec names the specification that decides.
func (e *explainer) inventorySpec() string {
	return "Inventory " + e.profile.Labels[v1alpha1.LabelInventory] + " spec"
}

func (e *explainer) spec() {
	e.add("spec.clusterManager.name", e.profile.Spec.ClusterManager.Name, "the publisher's --cluster-manager-name", "spec", "clusterManager", "name")
	if e.profile.Spec.DisplayName != "" {
		source := "the Cluster's name"
		if e.cluster != nil && e.cluster.Annotations[v1alpha1.AnnotationDisplayName] != "" {
			source = "the Cluster's annotation " + v1alpha1.AnnotationDisplayName
		}
		e.add("spec.displayName", e.profile.Spec.DisplayName, source, "spec", "displayName")
	}
}

func (e *explainer) status() {
	status := &e.profile.Status
	if status.Version.Kubernetes != "" {
		e.add("status.version.kubernetes", status.Version.Kubernetes, e.versionSource(), "status", "version", "kubernetes")
	}
	for _, condition := range status.Conditions {
		e.add("status.conditions["+condition.Type+"]", fmt.Sprintf("%s (%s)", condition.Status, condition.Reason), e.conditionSource(condition),
			"status", "conditions", fieldpath.KeyByFields("type", condition.Type))
	}
	for _, property := range status.Properties {
		e.add("status.properties["+property.Name+"]", property.Value, e.propertySource(property.Name), "status", "properties", fieldpath.KeyByFields("name", property.Name))
	}
	for _, provider := range status.AccessProviders {
		e.provider("accessProviders", provider)
	}
	for _, provider := range status.CredentialProviders {
		e.provider("credentialProviders", provider)
	}
}

func (e *explainer) versionSource() string {
	if e.cluster == nil {
		return ""
	}
	if controlPlane := e.cluster.Status.ControlPlane; controlPlane != nil && len(controlPlane.Versions) > 0 {
		return "the Cluster's status.controlPlane.versions, the lowest"
	}
	ref := e.cluster.Spec.ControlPlaneRef
	if ref.Kind != "" {
		return fmt.Sprintf("the status of %s %s, or the Cluster's topology where that says nothing", ref.Kind, ref.Name)
	}
	return "the Cluster's spec.topology.version"
}

func (e *explainer) conditionSource(condition metav1.Condition) string {
	if e.cluster == nil {
		return ""
	}
	if condition.Reason == v1alpha1.ReasonClusterAPIDown {
		return "the Leases controller-leader-election-capi, which no Cluster API controller renews"
	}
	switch condition.Type {
	case inventoryv1alpha1.ClusterConditionControlPlaneHealthy:
		return fmt.Sprintf("the Cluster's conditions %s=%s and %s=%s",
			clusterv1.ClusterControlPlaneAvailableCondition, conditionOf(e.cluster, clusterv1.ClusterControlPlaneAvailableCondition),
			clusterv1.ClusterRemoteConnectionProbeCondition, conditionOf(e.cluster, clusterv1.ClusterRemoteConnectionProbeCondition))
	case v1alpha1.ConditionJoined:
		return "whether an access provider is published"
	}
	return ""
}

func (e *explainer) propertySource(name string) string {
	switch name {
	case v1alpha1.PropertyClusterSet:
		return e.inventorySpec() + ".clusterSet"
	case v1alpha1.PropertyClusterID:
		return "the UID of the spoke's namespace kube-system"
	case v1alpha1.PropertyInfrastructureKind:
		return "the Cluster's spec.infrastructureRef.kind"
	case v1alpha1.PropertyControlPlaneKind:
		return "the Cluster's spec.controlPlaneRef.kind"
	case v1alpha1.PropertyClusterClass:
		return "the Cluster's spec.topology.classRef.name"
	}
	if e.inventory != nil {
		for _, property := range e.inventory.Spec.Properties {
			if property.Name == name {
				return fmt.Sprintf("%s.properties: %s", e.inventorySpec(), property.Expression)
			}
		}
	}
	if e.hidden {
		return e.inventorySpec() + ".properties"
	}
	return "a ClusterProperty of the spoke"
}

// provider tells of an access provider: its server, and where it comes from.
func (e *explainer) provider(list string, provider inventoryv1alpha1.AccessProvider) {
	e.add(fmt.Sprintf("status.%s[%s]", list, provider.Name), provider.Cluster.Server, e.providerSource(provider), "status", list, fieldpath.KeyByFields("name", provider.Name))
}

func (e *explainer) providerSource(provider inventoryv1alpha1.AccessProvider) string {
	if e.inventory != nil {
		for _, access := range e.inventory.Spec.AccessProviders {
			if access.Name == provider.Name && access.Exec != nil && access.Exec.Server != "" {
				return fmt.Sprintf("%s.accessProviders: %s", e.inventorySpec(), access.Exec.Server)
			}
		}
	}
	if secret := secretOf(provider.Cluster.Extensions); secret != "" {
		return "the kubeconfig in the Secret " + secret
	}
	return "the Cluster's kubeconfig Secret"
}

// secretOf is the Secret that a plugin is referred to, and its key.
func secretOf(extensions []clientcmdv1.NamedExtension) string {
	var reference struct{ Namespace, Name, Key string }
	for _, extension := range extensions {
		if extension.Name == execExtension && json.Unmarshal(extension.Extension.Raw, &reference) == nil && reference.Name != "" && reference.Key != "" {
			return fmt.Sprintf("%s/%s (%s)", reference.Namespace, reference.Name, reference.Key)
		}
	}
	return ""
}
