// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ClusterProfileSpec says whose profile it is.
type ClusterProfileSpec struct {
	// +optional
	DisplayName string `json:"displayName,omitempty"`
	// +required
	ClusterManager ClusterManager `json:"clusterManager"`
}

// ClusterManager is the program that the profile belongs to.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable"
type ClusterManager struct {
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$')",message="must be a label value"
	Name string `json:"name"`
}

// ClusterProfileStatus is what is known of the cluster. There are no credentialProviders any more.
type ClusterProfileStatus struct {
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// +optional
	Version ClusterVersion `json:"version,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=name
	Properties []Property `json:"properties,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	AccessProviders []AccessProvider `json:"accessProviders,omitempty"`
}

// ClusterVersion is the cluster's version.
type ClusterVersion struct {
	// +optional
	Kubernetes string `json:"kubernetes,omitempty"`
}

// Property is a ClusterProperty of KEP-2149, or one of the cluster manager's own.
type Property struct {
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Value string `json:"value"`
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Format=date-time
	LastObservedTime metav1.Time `json:"lastObservedTime,omitempty"`
}

// AccessProvider is one way to the cluster.
type AccessProvider struct {
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// +required
	Cluster Cluster `json:"cluster"`
}

// Cluster is the endpoint of an access provider: that of a kubeconfig, without paths of files.
type Cluster struct {
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getHost() != ''",message="must be a URL with a host"
	Server string `json:"server"`
	// +optional
	// +kubebuilder:validation:MaxLength=253
	TLSServerName string `json:"tls-server-name,omitempty"`
	// +optional
	InsecureSkipTLSVerify bool `json:"insecure-skip-tls-verify,omitempty"`
	// +optional
	CertificateAuthorityData []byte `json:"certificate-authority-data,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self == '' || isURL(self) && url(self).getScheme() in ['http', 'https', 'socks5'] && url(self).getHost() != ''",message="must be a URL of http, https or socks5 with a host"
	ProxyURL string `json:"proxy-url,omitempty"`
	// +optional
	DisableCompression bool `json:"disable-compression,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=name
	Extensions []NamedExtension `json:"extensions,omitempty"`
}

// NamedExtension is a parameter of an access provider.
type NamedExtension struct {
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// +required
	// +kubebuilder:pruning:PreserveUnknownFields
	Extension runtime.RawExtension `json:"extension"`
}

// ClusterProfile represents a single cluster.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,categories=multicluster
// +kubebuilder:printcolumn:name="Display Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Manager",type=string,JSONPath=`.spec.clusterManager.name`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.version.kubernetes`
// +kubebuilder:printcolumn:name="Healthy",type=string,JSONPath=`.status.conditions[?(@.type=="ControlPlaneHealthy")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ClusterProfile struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec ClusterProfileSpec `json:"spec"`
	// +optional
	Status ClusterProfileStatus `json:"status,omitempty"`
}
