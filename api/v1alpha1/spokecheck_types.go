// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SpokeCheck reports what a consumer saw when it dialled a spoke with nothing but its ClusterProfile: the profile's name and
// namespace are the check's. The consumer writes it when something changed, and otherwise at most every five minutes.
//
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=check;checks,categories=multicluster
// +kubebuilder:printcolumn:name="Reachable",type=string,JSONPath=`.status.conditions[?(@.type=="Reachable")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Reachable")].reason`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.kubernetesVersion`
// +kubebuilder:printcolumn:name="Since",type=date,JSONPath=`.status.conditions[?(@.type=="Reachable")].lastTransitionTime`
// +kubebuilder:printcolumn:name="Server",type=string,JSONPath=`.status.server`,priority=1
// +kubebuilder:printcolumn:name="User",type=string,JSONPath=`.status.user`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Reachable")].message`,priority=1
type SpokeCheck struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// +optional
	Status SpokeCheckStatus `json:"status,omitempty"`
}

// SpokeCheckStatus is what the last probe saw. A fact that the last probe could not learn, because an earlier stage failed,
// is the one learnt last: kubernetesVersion and user say what the spoke was when it was last reached.
type SpokeCheckStatus struct {
	// conditions holds Reachable, with the stage at which the probe stopped as its reason.
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

	// lastProbeTime is when the probe that this status tells of was made.
	// +optional
	LastProbeTime *metav1.Time `json:"lastProbeTime,omitempty"`
}

// SpokeCheckList is a list of SpokeChecks.
//
// +kubebuilder:object:root=true
type SpokeCheckList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SpokeCheck `json:"items"`
}
