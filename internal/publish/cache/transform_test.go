// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	"k8s.io/client-go/util/cert"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cache"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

func TestTransformTwiceIsOnce(t *testing.T) {
	authority := newAuthority(t)
	kubeconfig := fixture.Kubeconfig("c1", &rest.Config{TLSClientConfig: rest.TLSClientConfig{CAData: authority}}, "https://10.0.0.1:6443")
	for name, object := range map[string]client.Object{
		"Cluster":        fixture.Cluster("team-a", "c1", fixture.Provisioned("v1.36.3"), fixture.Labels(map[string]string{"env": "prod"})),
		"Secret":         fixture.KubeconfigSecret("team-a", "c1", kubeconfig),
		"ClusterProfile": profileOf("c1", authority),
		"SpokeCheck":     spokeCheckOf("c1"),
	} {
		t.Run(name, func(t *testing.T) {
			transform := transformOf(t, object)
			once, err := transform(object.DeepCopyObject())
			if err != nil {
				t.Fatal(err)
			}
			twice, err := transform(once.(client.Object).DeepCopyObject())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(once, twice); diff != "" {
				t.Errorf("an informer may transform an object twice -once +twice:\n%s", diff)
			}
		})
	}
}

// TestExpressionsReadCachedClusters evaluates what Inventories read of a Cluster after the cache has trimmed it.
func TestExpressionsReadCachedClusters(t *testing.T) {
	pool := clusterv1.MachineDeploymentTopology{
		Name: "md-0", Class: "gpu", Replicas: ptr.To[int32](3), FailureDomain: "eu-1a",
		Metadata:    clusterv1.ObjectMeta{Labels: map[string]string{"tier": "gpu"}},
		HealthCheck: clusterv1.MachineDeploymentTopologyHealthCheck{Enabled: ptr.To(true)},
		Variables: clusterv1.MachineDeploymentVariables{Overrides: []clusterv1.ClusterVariable{{
			Name: "flavor", Value: apiextensionsv1.JSON{Raw: []byte(`{"size":"xl"}`)},
		}}},
	}
	cluster := fixture.Cluster("team-a", "c1", fixture.Provisioned("v1.36.3"), func(cluster *clusterv1.Cluster) {
		cluster.Spec.Topology = clusterv1.Topology{
			ClassRef: clusterv1.ClusterClassRef{Name: "large"}, Version: "v1.36.3",
			Workers: clusterv1.WorkersTopology{
				MachineDeployments: []clusterv1.MachineDeploymentTopology{pool},
				MachinePools:       []clusterv1.MachinePoolTopology{{Name: "mp-0", Class: "spot", FailureDomains: []string{"eu-1b"}}},
			},
		}
		cluster.Status.Workers = &clusterv1.WorkersStatus{
			DesiredReplicas: ptr.To[int32](4),
			ReadyReplicas:   ptr.To[int32](3),
			Versions:        []clusterv1.StatusVersion{{Version: "v1.36.2", Replicas: 4}},
		}
		cluster.Status.FailureDomains = []clusterv1.FailureDomain{{
			Name: "eu-1a", ControlPlane: ptr.To(true), Attributes: map[string]string{"zone": "a"},
		}}
	})
	transformed, err := transformOf(t, cluster)(cluster)
	if err != nil {
		t.Fatal(err)
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(transformed)
	if err != nil {
		t.Fatal(err)
	}
	compiler, err := cel.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{
		"cluster.status.workers.readyReplicas":       "3",
		"cluster.status.workers.desiredReplicas":     "4",
		"cluster.status.workers.versions[0].version": "v1.36.2",
		"cluster.spec.topology.version":              "v1.36.3",
		"cluster.spec.topology.workers.machineDeployments.map(m, m.class + '=' + string(m.replicas)).join()":   "gpu=3",
		"cluster.spec.topology.workers.machineDeployments[0].failureDomain":                                    "eu-1a",
		"cluster.spec.topology.workers.machineDeployments[0].metadata.labels.tier":                             "gpu",
		"cluster.spec.topology.workers.machineDeployments[0].variables.overrides[0].value.size":                "xl",
		"cluster.spec.topology.workers.machinePools.map(m, m.name + ' in ' + m.failureDomains.join()).join()":  "mp-0 in eu-1b",
		"cluster.status.failureDomains.filter(d, d.controlPlane).map(d, d.name + d.attributes.zone).join(',')": "eu-1aa",
	} {
		program, err := compiler.Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := program.Text(map[string]any{cel.Cluster: object}); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", source, got, err, want)
		}
	}
}

func TestProfilesShareEqualValues(t *testing.T) {
	ca := newAuthority(t)
	transform := transformOf(t, &inventoryv1alpha1.ClusterProfile{})
	var got [2]*inventoryv1alpha1.ClusterProfile
	for i := range got {
		transformed, err := transform(profileOf(fmt.Sprintf("c%d", i), slices.Clone(ca)))
		if err != nil {
			t.Fatal(err)
		}
		got[i] = transformed.(*inventoryv1alpha1.ClusterProfile)
	}
	if got[0].ManagedFields[0].FieldsV1 != got[1].ManagedFields[0].FieldsV1 {
		t.Error("equal sets of owned fields are held twice")
	}
	authority := func(p *inventoryv1alpha1.ClusterProfile) *byte {
		return unsafe.SliceData(p.Status.AccessProviders[0].Cluster.CertificateAuthorityData)
	}
	if authority(got[0]) != authority(got[1]) {
		t.Error("equal certificate authorities are held twice")
	}
	if managers := len(got[0].ManagedFields); managers != 3 || got[0].ManagedFields[2].FieldsV1 != nil {
		t.Errorf("got %d entries of managed fields; want our own, that of the owner of the display name, "+
			"and the name of the last other writer", managers)
	}
}

// profileOf is a profile to which other managers have applied too.
func profileOf(name string, authority []byte) *inventoryv1alpha1.ClusterProfile {
	owns := func(manager, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{
			Manager:   manager,
			Operation: metav1.ManagedFieldsOperationApply,
			FieldsV1:  metav1.NewFieldsV1(fields),
		}
	}
	return &inventoryv1alpha1.ClusterProfile{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "team-a",
			Name:      name,
			Labels:    map[string]string{"env": "prod"},
			ManagedFields: []metav1.ManagedFieldsEntry{
				owns(profile.FieldManager, `{"f:metadata":{"f:labels":{"f:env":{}}}}`),
				owns("portal", `{"f:spec":{"f:displayName":{}}}`),
				owns("consumer", `{"f:metadata":{"f:finalizers":{".":{},"v:\"example.com/consumer\"":{}}}}`),
			},
		},
		Status: inventoryv1alpha1.ClusterProfileStatus{AccessProviders: []inventoryv1alpha1.AccessProvider{{
			Name:    "kubeconfig-secretreader",
			Cluster: clientcmdv1.Cluster{Server: "https://10.0.0.1:6443", CertificateAuthorityData: authority},
		}}},
	}
}

// transformOf returns the transform of a type.
func transformOf(t *testing.T, object client.Object) toolscache.TransformFunc {
	t.Helper()
	for of, options := range cache.Options(nil, time.Hour).ByObject {
		if fmt.Sprintf("%T", of) == fmt.Sprintf("%T", object) {
			return options.Transform
		}
	}
	t.Fatalf("a %T is not transformed", object)
	return nil
}

// spokeCheckOf returns a SpokeCheck as a consumer writes it.
func spokeCheckOf(name string) *v1alpha1.SpokeCheck {
	at := metav1.NewTime(fixture.Since.UTC())
	return &v1alpha1.SpokeCheck{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "fleet", Name: name, UID: "uid", ResourceVersion: "1", Labels: map[string]string{"team": "a"},
			OwnerReferences: []metav1.OwnerReference{{Kind: "ClusterProfile", Name: name, UID: "p1"}},
			ManagedFields:   []metav1.ManagedFieldsEntry{{Manager: "capi-inventory-consumer"}},
		},
		Status: v1alpha1.SpokeCheckStatus{
			Conditions: []metav1.Condition{
				{Type: v1alpha1.ConditionExpiring, Status: metav1.ConditionFalse, Reason: "ExpiresLater"},
				{
					Type: v1alpha1.ConditionReachable, Status: metav1.ConditionFalse, Reason: "ConnectFailed", LastTransitionTime: at,
					Message: "10.0.0.1:6443 refuses connections: nothing listens there",
				},
			},
			Provider: "kubeconfig-secretreader", Server: "https://10.0.0.1:6443", KubernetesVersion: "v1.36.3", User: "admin",
			MemberID: "m", ClusterID: "c", Expires: &at, Expirations: []v1alpha1.Expiration{{Kind: v1alpha1.ExpiringToken, Time: at}},
			LastProbeTime: &at, HeartbeatSeconds: 300,
		},
	}
}

// TestSpokeChecksAreTrimmed: what decides about a profile stays, and nothing else.
func TestSpokeChecksAreTrimmed(t *testing.T) {
	check := spokeCheckOf("c1")
	got, err := transformOf(t, check)(check)
	if err != nil {
		t.Fatal(err)
	}
	at := metav1.NewTime(fixture.Since.UTC())
	want := &v1alpha1.SpokeCheck{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "fleet", Name: "c1", UID: "uid", ResourceVersion: "1",
			OwnerReferences: []metav1.OwnerReference{{Kind: "ClusterProfile", Name: "c1", UID: "p1"}},
		},
		Status: v1alpha1.SpokeCheckStatus{
			Conditions: []metav1.Condition{{
				Type: v1alpha1.ConditionReachable, Status: metav1.ConditionFalse, Reason: "ConnectFailed", LastTransitionTime: at,
			}},
			Server: "https://10.0.0.1:6443", KubernetesVersion: "v1.36.3", LastProbeTime: &at, HeartbeatSeconds: 300,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// newAuthority returns a new certificate authority in PEM.
func newAuthority(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := cert.NewSelfSignedCACert(cert.Config{CommonName: "test"}, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: cert.CertificateBlockType, Bytes: authority.Raw})
}
