// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SpokeCheck reports what a consumer saw when it dialled a spoke with nothing but its ClusterProfile: the profile's name and
// namespace are the check's. The consumer writes it when something changed, and otherwise once in heartbeatSeconds.
//
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=check;checks,categories=multicluster
// +kubebuilder:printcolumn:name="Reachable",type=string,JSONPath=`.status.conditions[?(@.type=="Reachable")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Reachable")].reason`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.kubernetesVersion`
// +kubebuilder:printcolumn:name="Since",type=date,JSONPath=`.status.conditions[?(@.type=="Reachable")].lastTransitionTime`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.status.expires`,priority=1
// +kubebuilder:printcolumn:name="Server",type=string,JSONPath=`.status.server`,priority=1
// +kubebuilder:printcolumn:name="User",type=string,JSONPath=`.status.user`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Reachable")].message`,priority=1
type SpokeCheck struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is that of every object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// status is what the last probe saw. A fact that the last probe could not learn, because an earlier stage failed, is the one
	// learnt last: kubernetesVersion and user say what the spoke was when it was last reached.
	// +optional
	Status SpokeCheckStatus `json:"status,omitempty"`
}

// SpokeCheckStatus is what the last probe saw. A fact that the last probe could not learn, because an earlier stage failed,
// is the one learnt last: kubernetesVersion and user say what the spoke was when it was last reached.
type SpokeCheckStatus struct {
	// conditions holds Reachable, with the stage at which the probe stopped as its reason; and Expiring, once something is
	// known that expires.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// provider is the name of the access provider that was used.
	// +optional
	Provider string `json:"provider,omitempty"`

	// server is the URL that was dialled.
	// +optional
	Server string `json:"server,omitempty"`

	// kubernetesVersion is the gitVersion that the spoke gave at /version.
	// +optional
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`

	// user is the name under which the spoke knows the published credentials (SelfSubjectReview).
	// +optional
	User string `json:"user,omitempty"`

	// memberID is the profile's label multicluster.x-k8s.io/inventory-member-id at the last probe.
	// +optional
	MemberID string `json:"memberID,omitempty"`

	// clusterID is the UID of the spoke's namespace kube-system. It is asked for where the profile identifies the cluster by a
	// UID (property cluster.clusterset.k8s.io), and kept from the last time that the spoke was reachable.
	// +optional
	ClusterID string `json:"clusterID,omitempty"`

	// expires is when the first of the expirations is.
	// +optional
	Expires *metav1.Time `json:"expires,omitempty"`

	// expirations are the ends of the certificates and tokens that the way into the spoke depends on, the earliest first.
	// What lives for less than 30 days is renewed by a machine and left out.
	// +optional
	// +listType=map
	// +listMapKey=kind
	Expirations []Expiration `json:"expirations,omitempty"`

	// stages are what the probe that this status reports went through, in order. The last one failed, unless the spoke is reachable. Other
	// times alone are not written before the next heartbeat.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Stages []CheckStage `json:"stages,omitempty"`

	// lastProbeTime is when the probe that this status reports was made.
	// +optional
	LastProbeTime *metav1.Time `json:"lastProbeTime,omitempty"`

	// heartbeatSeconds is after how many seconds, at most, the consumer writes a new lastProbeTime although nothing changed. A
	// lastProbeTime that is three times as old says that the consumer no longer works.
	// +optional
	HeartbeatSeconds int32 `json:"heartbeatSeconds,omitempty"`
}

// CheckStage is a part of a probe.
type CheckStage struct {
	// name is that of the stage: access, plugin, resolve, connect, proxy-tls, proxy, tls, readyz, version, whoami, permissions or identity.
	// +required
	Name string `json:"name"`

	// milliseconds is how long it took. The connection of a probe is not used by the next one.
	// +required
	Milliseconds int64 `json:"milliseconds"`
}

// Expiration is the end of something that the way into a spoke depends on.
type Expiration struct {
	// kind is what ends.
	// +required
	Kind ExpiringKind `json:"kind"`

	// time is when.
	// +required
	Time metav1.Time `json:"time"`
}

// ExpiringKind is a kind of thing that ends.
//
// +kubebuilder:validation:Enum=ServingCertificate;CertificateAuthority;ClientCertificate;Token
type ExpiringKind string

const (
	// ExpiringServingCertificate is the certificate that the server shows.
	ExpiringServingCertificate ExpiringKind = "ServingCertificate"
	// ExpiringCertificateAuthority is the first to end of the authorities that vouch for the serving certificate.
	ExpiringCertificateAuthority ExpiringKind = "CertificateAuthority"
	// ExpiringClientCertificate is the certificate that the credential plugin gave.
	ExpiringClientCertificate ExpiringKind = "ClientCertificate"
	// ExpiringToken is the token that the credential plugin gave.
	ExpiringToken ExpiringKind = "Token"
)

// SpokeCheckList is a list of SpokeChecks.
//
// +kubebuilder:object:root=true
type SpokeCheckList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SpokeCheck `json:"items"`
}
