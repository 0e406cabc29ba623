// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Inventory says: publish these Clusters into this namespace, like this. It is cluster-scoped, so that only an administrator
// of the hub decides what is exposed where. A Cluster may be in many Inventories, with at most one profile in a namespace:
// where two Inventories claim a Cluster for the same namespace, the older one has it and the other one says so.
//
// +genclient
// +genclient:nonNamespaced
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=multicluster
// +kubebuilder:printcolumn:name="Namespace",type=string,JSONPath=`.spec.namespace`
// +kubebuilder:printcolumn:name="Clusters",type=integer,JSONPath=`.status.clusters`
// +kubebuilder:printcolumn:name="Published",type=integer,JSONPath=`.status.published`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Degraded",type=string,JSONPath=`.status.conditions[?(@.type=="Degraded")].status`
// +kubebuilder:printcolumn:name="Class",type=string,priority=1,JSONPath=`.spec.publisherClass`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 63",message="metadata.name: at most 63 characters, because it becomes a label value"
// +kubebuilder:validation:XValidation:rule="(has(self.spec) && has(self.spec.publisherClass)) == (has(oldSelf.spec) && has(oldSelf.spec.publisherClass)) && (!has(self.spec) || !has(self.spec.publisherClass) || self.spec.publisherClass == oldSelf.spec.publisherClass)",message="publisherClass is immutable: create another Inventory for the other publisher",fieldPath=".spec.publisherClass"
type Inventory struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is that of every object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what to publish, where and how.
	// +optional
	Spec InventorySpec `json:"spec,omitempty"`
	// status is what became of the Inventory.
	// +optional
	Status InventoryStatus `json:"status,omitempty"`
}

// InventorySpec is what to publish, where and how.
type InventorySpec struct {
	// publisherClass names the publisher that serves this Inventory: the one that runs with the same --publisher-class. Absent:
	// the publisher that runs without that flag. All other publishers ignore the Inventory, as with spec.loadBalancerClass of a
	// Service.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	PublisherClass string `json:"publisherClass,omitempty"`

	// namespace is where the profiles live. Absent: each beside its Cluster, in the Cluster's namespace. It must exist; it is
	// not created.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`

	// clusterSelector selects Clusters by their labels; empty selects all.
	// +optional
	ClusterSelector metav1.LabelSelector `json:"clusterSelector,omitzero"`

	// namespaceSelector selects Clusters by the labels of their namespaces; empty selects all.
	// +optional
	NamespaceSelector metav1.LabelSelector `json:"namespaceSelector,omitzero"`

	// clusterSet is the value of the property clusterset.k8s.io (KEP-2149); absent, the property is not published.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	ClusterSet string `json:"clusterSet,omitempty"`

	// profileName is how profiles are named: Name is the Cluster's name, NamespaceAndName is its namespace, two hyphens and its
	// name, so that no two Clusters have one name. Absent: Name beside the Cluster, NamespaceAndName in a shared namespace. A
	// name that is too long, not a DNS label, or ambiguous is shortened and ends with three hyphens and a hash.
	// +optional
	ProfileName ProfileNaming `json:"profileName,omitempty"`

	// labels chooses the Cluster's labels that are copied to its profile, and removed again when the Cluster loses them.
	// +optional
	Labels Propagation `json:"labels,omitzero"`

	// annotations chooses the Cluster's annotations that are copied to its profile.
	// +optional
	Annotations Propagation `json:"annotations,omitzero"`

	// properties are published beside the derived ones.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Properties []PropertyExpression `json:"properties,omitempty"`

	// accessProviders are the ways in, in the order in which they are published. Absent: one, kubeconfig-secretreader, on the
	// Secret that Cluster API keeps.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	AccessProviders []AccessProvider `json:"accessProviders,omitempty"`

	// clusterPropertyPolicy says whether the ClusterProperty objects (about.k8s.io, KEP-2149) that a spoke has of itself are
	// published among the properties of its profile. Import: they are, by the broker, under their own names and values; and
	// cluster.clusterset.k8s.io is the UID of the spoke's namespace kube-system where the spoke has no such object. Ignore, and
	// absent: they are not.
	// +optional
	ClusterPropertyPolicy ClusterPropertyPolicy `json:"clusterPropertyPolicy,omitempty"`

	// spokeCheckPolicy says whether the SpokeCheck beside a profile counts. Trust: while it is fresh, it decides
	// ControlPlaneHealthy where Cluster API's word is stale, and its version of Kubernetes is published where Cluster API reports
	// none. Ignore, and absent: it does not. Trust it where only the consumer may write SpokeChecks.
	// +optional
	SpokeCheckPolicy SpokeCheckPolicy `json:"spokeCheckPolicy,omitempty"`
}

// ClusterPropertyPolicy says what becomes of a spoke's ClusterProperty objects.
//
// +kubebuilder:validation:Enum=Ignore;Import
type ClusterPropertyPolicy string

// What becomes of a spoke's ClusterProperty objects.
const (
	// ClusterPropertyPolicyIgnore leaves them on the spoke.
	ClusterPropertyPolicyIgnore ClusterPropertyPolicy = "Ignore"
	// ClusterPropertyPolicyImport publishes them on the spoke's profile.
	ClusterPropertyPolicyImport ClusterPropertyPolicy = "Import"
)

// SpokeCheckPolicy says whether SpokeChecks count.
//
// +kubebuilder:validation:Enum=Ignore;Trust
type SpokeCheckPolicy string

// Whether SpokeChecks count.
const (
	// SpokeCheckPolicyIgnore leaves health and version to Cluster API alone.
	SpokeCheckPolicyIgnore SpokeCheckPolicy = "Ignore"
	// SpokeCheckPolicyTrust has fresh SpokeChecks count beside Cluster API.
	SpokeCheckPolicyTrust SpokeCheckPolicy = "Trust"
)

// ProfileNaming is a way to name profiles.
//
// +kubebuilder:validation:Enum=Name;NamespaceAndName
type ProfileNaming string

// The ways to name profiles.
const (
	// ProfileNamingName names a profile as its Cluster.
	ProfileNamingName ProfileNaming = "Name"
	// ProfileNamingNamespaceAndName names a profile by its Cluster's namespace and name.
	ProfileNamingNamespaceAndName ProfileNaming = "NamespaceAndName"
)

// Propagation chooses keys of labels or annotations by globs: * stands for any run of characters. A key is copied when it
// matches one of include and none of exclude. Keys under argocd.argoproj.io, k8s.io, x-k8s.io, kubernetes.io and
// capi-inventory.dev are never copied.
type Propagation struct {
	// include holds globs of the keys to copy, for example "env" or "*.example.com/*".
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=317
	Include []string `json:"include,omitempty"`

	// exclude holds globs of keys to leave out although they are included.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=317
	Exclude []string `json:"exclude,omitempty"`
}

// PropertyExpression is a property whose value is computed for each Cluster.
//
// +kubebuilder:validation:XValidation:rule="!self.name.endsWith('.k8s.io') && !self.name.endsWith('.kubernetes.io') && !self.name.endsWith('.capi-inventory.dev')",message="name: the suffixes .k8s.io, .kubernetes.io and .capi-inventory.dev are reserved"
type PropertyExpression struct {
	// name of the property, for example region.example.com.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name"`

	// expression is CEL over cluster, controlPlane and infrastructure; its value is a string, a number or a bool. A Cluster for
	// which it fails, or is null or empty, gets no such property.
	// +required
	Expression Expression `json:"expression"`
}

// Expression is a CEL expression over the variables cluster, controlPlane and infrastructure: the Cluster and the two
// objects it refers to, as the API server gives them, without managed fields.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=4096
type Expression string

// AccessProvider is one way in: its name is what consumers look for in their provider files.
//
// +kubebuilder:validation:XValidation:rule="self.name != 'clusterproperties.about.k8s.io'",message="name: clusterproperties.about.k8s.io is the broker's own"
// +kubebuilder:validation:XValidation:rule="[has(self.kubeconfigSecret), has(self.exec), has(self.serviceAccount)].exists_one(set, set)",message="exactly one of kubeconfigSecret, exec and serviceAccount must be set"
type AccessProvider struct {
	// name of the access provider: the name of the credential plugin, by convention.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9]([-a-zA-Z0-9._]*[a-zA-Z0-9])?$`
	Name string `json:"name"`

	// kubeconfigSecret points consumers at a Secret beside the Cluster that holds a kubeconfig.
	// +optional
	KubeconfigSecret *KubeconfigSecretAccess `json:"kubeconfigSecret,omitempty"`

	// exec hands parameters to a credential plugin of the consumer's.
	// +optional
	Exec *ExecAccess `json:"exec,omitempty"`

	// serviceAccount points consumers at a Secret beside the profile with the kubeconfig of a ServiceAccount that has just these
	// rights on the spoke. The broker, a program of its own, makes it and renews its token.
	// +optional
	ServiceAccount *ServiceAccountAccess `json:"serviceAccount,omitempty"`
}

// KubeconfigSecretAccess is a Secret named after the Cluster, in the Cluster's namespace. The profile carries a reference to
// it, and the server and certificate authority that its kubeconfig names: never what else is in it.
type KubeconfigSecretAccess struct {
	// nameSuffix follows the Cluster's name in the name of the Secret.
	// +optional
	// +kubebuilder:default="-kubeconfig"
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[-a-z0-9.]*[a-z0-9]$`
	NameSuffix string `json:"nameSuffix,omitempty"`

	// key is the key of the Secret's data that holds the kubeconfig.
	// +optional
	// +kubebuilder:default=value
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key,omitempty"`
}

// ExecAccess is what a credential plugin needs to know about the spoke.
//
// +kubebuilder:validation:XValidation:rule="has(self.server) || (!has(self.certificateAuthority) && !has(self.tlsServerName))",message="certificateAuthority and tlsServerName go with a server; without one, all of the kubeconfig's endpoint is used"
type ExecAccess struct {
	// server is the URL to dial. Absent: the endpoint of the Cluster's kubeconfig Secret, with its certificate authority,
	// proxy and TLS server name.
	// +optional
	Server Expression `json:"server,omitempty"`

	// certificateAuthority gives the PEM bundle that vouches for server; absent means the roots of the consumer's system.
	// +optional
	CertificateAuthority Expression `json:"certificateAuthority,omitempty"`

	// tlsServerName is the name to check server's certificate against, where it is not server's host.
	// +optional
	TLSServerName Expression `json:"tlsServerName,omitempty"`

	// extension is what the plugin receives as ExecCredential.spec.cluster.config: a key and the expression of its value. It
	// must hold nothing secret.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=32
	Extension map[string]Expression `json:"extension,omitempty"`
}

// InventoryStatus is what became of the Inventory.
type InventoryStatus struct {
	// clusters is how many Clusters are selected.
	// +optional
	Clusters int32 `json:"clusters"`

	// published is how many profiles of this Inventory exist and are not being deleted.
	// +optional
	Published int32 `json:"published"`

	// observedGeneration is the generation of the Inventory that this status reports on.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions holds Accepted, Ready and Degraded, and Stalled while nothing but a person's action will make the Inventory
	// ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// problems are the first 20 things that could not be published, or not in full, in the order of their Clusters.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Problems []InventoryProblem `json:"problems,omitempty"`
}

// InventoryProblem is one thing about one Cluster that could not be published.
type InventoryProblem struct {
	// cluster is the namespace and name of the Cluster, joined by a slash.
	// +required
	Cluster string `json:"cluster"`
	// reason is a stable, UpperCamel word.
	// +required
	Reason string `json:"reason"`
	// message says what was left out and what to do about it.
	// +required
	Message string `json:"message"`
}

// InventoryList is a list of Inventories.
//
// +kubebuilder:object:root=true
type InventoryList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Inventory `json:"items"`
}
