// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// managedPlaneCRD is the control plane of a cloud's own making, as the providers of EKS, GKE and AKS have them: a kind that
// the publisher has never heard of. One object serves as infrastructure too.
var managedPlaneCRD = &apiextensionsv1.CustomResourceDefinition{
	ObjectMeta: metav1.ObjectMeta{Name: "managedcontrolplanes.controlplane.cluster.x-k8s.io"},
	Spec: apiextensionsv1.CustomResourceDefinitionSpec{
		Group: "controlplane.cluster.x-k8s.io",
		Scope: apiextensionsv1.NamespaceScoped,
		Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "managedcontrolplanes", Singular: "managedcontrolplane", Kind: "ManagedControlPlane"},
		Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
			Name: "v1", Served: true, Storage: true,
			Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: ptr.To(true)}},
		}},
	},
}

func install(t *testing.T, crd *apiextensionsv1.CustomResourceDefinition) {
	t.Helper()
	if _, err := envtest.InstallCRDs(hub.Config(), envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{crd}}); err != nil {
		t.Fatal(err)
	}
}

func managedPlane(namespace, name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "controlplane.cluster.x-k8s.io/v1", "kind": "ManagedControlPlane",
		"metadata": map[string]any{"namespace": namespace, "name": name},
		"spec":     map[string]any{"region": "eu-west-1", "eksClusterName": "team-a_c1", "project": "p1", "tenantID": "tenant-1"},
	}}
}

func onManagedPlane(cluster *clusterv1.Cluster) {
	ref := clusterv1.ContractVersionedObjectReference{APIGroup: "controlplane.cluster.x-k8s.io", Kind: "ManagedControlPlane", Name: cluster.Name}
	cluster.Spec.ControlPlaneRef, cluster.Spec.InfrastructureRef = ref, ref
}
