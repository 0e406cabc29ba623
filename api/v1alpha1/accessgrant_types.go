// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AccessGrant asks for a ServiceAccount of a spoke with limited rights, and reports the Secret that holds its kubeconfig. The
// publisher makes one for each access provider with a serviceAccount, beside the profile and owned by it; the broker fulfils it. A
// grant is a request and no authority: the broker refuses one that its Inventory does not ask for, whatever its author.
//
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=grant;grants,categories=multicluster
// +kubebuilder:printcolumn:name="User",type=string,JSONPath=`.status.user`
// +kubebuilder:printcolumn:name="Roles",type=string,JSONPath=`.spec.serviceAccount.clusterRoles[*]`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.status.expirationTimestamp`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Degraded",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Degraded")].reason`
// +kubebuilder:printcolumn:name="Inventory",type=string,priority=1,JSONPath=`.spec.inventory`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type AccessGrant struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is that of every object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what the Inventory asks for.
	// +required
	Spec AccessGrantSpec `json:"spec"`
	// status is what the broker reports.
	// +optional
	Status AccessGrantStatus `json:"status,omitempty"`
}

// AccessGrantSpec is what an Inventory asks for on one spoke.
//
// +kubebuilder:validation:XValidation:rule="self.cluster == oldSelf.cluster && self.profile == oldSelf.profile && self.provider == oldSelf.provider && has(self.publisherClass) == has(oldSelf.publisherClass) && (!has(self.publisherClass) || self.publisherClass == oldSelf.publisherClass)",message="publisherClass, cluster, profile and provider are immutable: delete the grant, and the publisher makes another"
type AccessGrantSpec struct {
	// publisherClass is that of the Inventory: the broker that runs with the same --publisher-class fulfils and revokes the grant, and
	// all others ignore it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	PublisherClass string `json:"publisherClass,omitempty"`

	// inventory is the name of the Inventory that asks for the access.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Inventory string `json:"inventory"`

	// provider is the name of the Inventory's access provider.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Provider string `json:"provider"`

	// profile is the name of the ClusterProfile, in the namespace of the grant.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Profile string `json:"profile"`

	// cluster is the Cluster whose spoke is meant.
	// +required
	Cluster GrantedCluster `json:"cluster"`

	// serviceAccount is what the Inventory says of the access provider.
	// +required
	ServiceAccount ServiceAccountAccess `json:"serviceAccount"`

	// endpoint is a digest of the Cluster's endpoint and certificate authority as the publisher sees them. A change of it has the
	// broker prove the access at the new endpoint.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Endpoint string `json:"endpoint,omitempty"`
}

// GrantedCluster identifies a Cluster.
type GrantedCluster struct {
	// namespace of the Cluster.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace"`
	// name of the Cluster.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name"`
	// uid of the Cluster: one that is created again under the same name is another.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	UID string `json:"uid"`
}

// ServiceAccountAccess is a ServiceAccount that the broker keeps on each spoke, with the roles below and no others, and whose token
// it renews.
//
// +structType=atomic
// +kubebuilder:validation:XValidation:rule="has(self.clusterRoles) || has(self.rules)",message="one of clusterRoles and rules must be set: a ServiceAccount without a role can do nothing"
// +kubebuilder:validation:XValidation:rule="(has(self.allowEscalation) && self.allowEscalation) || !has(self.clusterRoles) || !('cluster-admin' in self.clusterRoles)",message="clusterRoles: cluster-admin needs allowEscalation: true"
// +kubebuilder:validation:XValidation:rule="(has(self.allowEscalation) && self.allowEscalation) || !has(self.rules) || !self.rules.exists(r, '*' in r.verbs || (has(r.apiGroups) && '*' in r.apiGroups) || (has(r.resources) && r.resources.exists(x, x == '*' || x.startsWith('*/'))) || (has(r.nonResourceURLs) && r.nonResourceURLs.exists(u, u.matches('^/?[*]+$'))))",message="rules: a wildcard needs allowEscalation: true"
// +kubebuilder:validation:XValidation:rule="(has(self.allowEscalation) && self.allowEscalation) || !has(self.rules) || !self.rules.exists(r, r.verbs.exists(v, v == 'escalate' || v == 'bind' || v.startsWith('impersonate')))",message="rules: the verbs escalate, bind and impersonate need allowEscalation: true"
// +kubebuilder:validation:XValidation:rule="!has(self.namespaces) || !has(self.rules) || !self.rules.exists(r, has(r.nonResourceURLs))",message="rules: nonResourceURLs cannot be granted in namespaces"
type ServiceAccountAccess struct {
	// clusterRoles are the names of ClusterRoles of the spoke. They must exist there.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[^/%]+$`
	ClusterRoles []string `json:"clusterRoles,omitempty"`

	// rules are granted beside the ClusterRoles.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Rules []AccessRule `json:"rules,omitempty"`

	// namespaces of the spoke to which the rights are limited. They must exist there. Absent: all of the spoke.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespaces []string `json:"namespaces,omitempty"`

	// tokenTTL is how long a token is valid, from 10 minutes to a week; a third of that after it was issued it is renewed. A spoke
	// may grant less.
	// +optional
	// +kubebuilder:default="24h"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10m') && duration(self) <= duration('168h')",message="must be from 10m to 168h"
	TokenTTL metav1.Duration `json:"tokenTTL,omitzero"`

	// allowEscalation admits rights that should not be granted by accident: cluster-admin, wildcards, and the verbs escalate, bind
	// and impersonate. Other rights may lead to more too, and are admitted: to read Secrets, for example, or to create pods.
	// +optional
	AllowEscalation bool `json:"allowEscalation,omitempty"`
}

// AccessRule is a rule of RBAC (rbac.authorization.k8s.io/v1 PolicyRule).
//
// +kubebuilder:validation:XValidation:rule="has(self.resources) != has(self.nonResourceURLs)",message="exactly one of resources and nonResourceURLs must be set"
// +kubebuilder:validation:XValidation:rule="has(self.resources) == has(self.apiGroups)",message="apiGroups and resources must be set together; the core group is \"\""
// +kubebuilder:validation:XValidation:rule="has(self.resources) || !has(self.resourceNames)",message="resourceNames need resources"
type AccessRule struct {
	// verbs are the verbs that are allowed.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	Verbs []string `json:"verbs"`
	// apiGroups are the groups of the resources; "" is the core group.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=253
	APIGroups []string `json:"apiGroups,omitempty"`
	// resources are the resources, and subresources as in pods/log.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Resources []string `json:"resources,omitempty"`
	// resourceNames limit the rule to objects of these names.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	ResourceNames []string `json:"resourceNames,omitempty"`
	// nonResourceURLs are paths such as /metrics.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	NonResourceURLs []string `json:"nonResourceURLs,omitempty"`
}

// AccessGrantStatus is what the broker reports.
type AccessGrantStatus struct {
	// observedGeneration is the generation of the grant whose roles are in force on the spoke.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions holds Ready and Degraded; and PropertiesImported, if the access is the broker's own.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// user is the name under which the spoke knows the token (SelfSubjectReview). It is written before anything is made on the spoke: a
	// grant without it has nothing there that would be revoked.
	// +optional
	User string `json:"user,omitempty"`

	// secret is the Secret with the kubeconfig, in the namespace of the grant.
	// +optional
	Secret *GrantedSecret `json:"secret,omitempty"`

	// endpoint is the digest of the endpoint at which the token was proven.
	// +optional
	Endpoint string `json:"endpoint,omitempty"`

	// issuedAt is when the token was issued.
	// +optional
	IssuedAt metav1.Time `json:"issuedAt,omitzero"`

	// expirationTimestamp is when the spoke ceases to accept the token.
	// +optional
	ExpirationTimestamp metav1.Time `json:"expirationTimestamp,omitzero"`

	// clusterID is the UID of the spoke's namespace kube-system when its ClusterProperty objects were first read. Those of a spoke with
	// another one are not imported: it is another cluster.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ClusterID string `json:"clusterID,omitempty"`
}

// GrantedSecret is a Secret that the broker keeps.
type GrantedSecret struct {
	// name of the Secret.
	// +required
	Name string `json:"name"`
	// key of the Secret's data that holds the kubeconfig.
	// +required
	Key string `json:"key"`
	// resourceVersion is that of the Secret when its token was proven: another one has it proven again.
	// +required
	ResourceVersion string `json:"resourceVersion"`
}

// AccessGrantList is a list of AccessGrants.
//
// +kubebuilder:object:root=true
type AccessGrantList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AccessGrant `json:"items"`
}
