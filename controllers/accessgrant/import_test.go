// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// importing is a stage whose Inventory imports ClusterProperties, with a broker.
type importing struct{ *stage }

func newImporting(t *testing.T) *importing {
	t.Helper()
	return newStage(t, readConfigMaps()).importing()
}

// importing has the Inventory import ClusterProperties, and starts a broker.
func (s *stage) importing() *importing {
	i := &importing{s}
	i.setPolicy(v1alpha1.ClusterPropertyPolicyImport)
	i.startBroker()
	return i
}

// ownSpoke gives the Cluster a spoke that no other test has: what is said there, all Clusters of the spoke would say.
func (s *stage) ownSpoke() *apiserver.Server {
	s.t.Helper()
	own := apiserver.StartFor(s.t)
	var err error
	if s.spoke, err = client.New(own.Config(), client.Options{}); err != nil {
		s.t.Fatal(err)
	}
	secret := fixture.KubeconfigSecret(s.namespace, "c1", fixture.Kubeconfig("c1", own.Config(), own.Config().Host))
	if err := s.hub.Update(s.t.Context(), secret); err != nil {
		s.t.Fatal(err)
	}
	return own
}

func (i *importing) setPolicy(policy v1alpha1.ClusterPropertyPolicy) {
	i.t.Helper()
	patch := []byte(`{"spec":{"clusterPropertyPolicy":"` + string(policy) + `"}}`)
	if err := i.hub.Patch(i.t.Context(), i.inventory, client.RawPatch("application/merge-patch+json", patch)); err != nil {
		i.t.Fatal(err)
	}
}

// importGrant returns the AccessGrant of the broker's own; nil if there is none.
func (i *importing) importGrant() *v1alpha1.AccessGrant {
	of := &v1alpha1.AccessGrant{}
	if !i.get(of, i.namespace, "c1.clusterproperties.about.k8s.io") {
		return nil
	}
	return of
}

// imported returns the status and reason of the condition PropertiesImported.
func (i *importing) imported() string {
	if of := i.importGrant(); of != nil {
		return reasonOf(of.Status.Conditions, "PropertiesImported")
	}
	return ""
}

func (i *importing) profile() *inventoryv1alpha1.ClusterProfile {
	profile := &inventoryv1alpha1.ClusterProfile{}
	i.get(profile, i.namespace, "c1")
	return profile
}

// properties returns those of the profile that are not the publisher's.
func (i *importing) properties() map[string]string {
	properties := map[string]string{}
	for _, property := range i.profile().Status.Properties {
		switch property.Name {
		case "infrastructure-kind.capi-inventory.dev", "control-plane-kind.capi-inventory.dev":
		default:
			properties[property.Name] = property.Value
		}
	}
	return properties
}

func kubeSystemOf(t *testing.T, spoke client.Client) string {
	t.Helper()
	namespace := &corev1.Namespace{}
	if err := spoke.Get(t.Context(), client.ObjectKey{Name: "kube-system"}, namespace); err != nil {
		t.Fatal(err)
	}
	return string(namespace.UID)
}

// installAbout installs the API of ClusterProperties (KEP-2149).
func installAbout(t *testing.T, on *apiserver.Server) {
	t.Helper()
	options := envtest.CRDInstallOptions{CRDs: []*apiextensionsv1.CustomResourceDefinition{fixture.ClusterPropertyCRD()}}
	if _, err := envtest.InstallCRDs(on.Config(), options); err != nil {
		t.Fatal(err)
	}
}

func TestImportsWhatTheSpokeSaysOfItself(t *testing.T) {
	s := newStage(t, readConfigMaps())
	own := s.ownSpoke()
	i := s.importing()
	g := NewWithT(t)
	id := kubeSystemOf(t, i.spoke)
	g.Eventually(i.properties).Should(Equal(map[string]string{"cluster.clusterset.k8s.io": id}), "the API is not installed there")
	g.Eventually(i.imported).Should(Equal("True Imported"))
	g.Expect(i.importGrant().Status.ClusterID).To(Equal(id))

	installAbout(t, own)
	region := fixture.ClusterProperty("region.example.com", "eu-west-1")
	g.Expect(i.spoke.Create(t.Context(), region)).To(Succeed())
	g.Expect(i.spoke.Create(t.Context(), fixture.ClusterProperty("cluster.clusterset.k8s.io", "paris"))).To(Succeed())
	g.Eventually(i.properties).Should(Equal(map[string]string{
		"cluster.clusterset.k8s.io": "paris", "region.example.com": "eu-west-1",
	}), "the arrival of the API is noticed, and the spoke's own ID counts")

	i.granted(g)
	g.Eventually(i.joined).Should(HavePrefix("The Cluster is under management"), "the publisher rests too")
	before := i.profile().ResourceVersion
	g.Consistently(func() string { return i.profile().ResourceVersion }, time.Second).Should(Equal(before), "at rest nothing is written")

	g.Expect(unstructured.SetNestedField(region.Object, "eu-west-2", "spec", "value")).To(Succeed())
	g.Expect(i.spoke.Update(t.Context(), region)).To(Succeed())
	g.Eventually(i.properties).Should(HaveKeyWithValue("region.example.com", "eu-west-2"))

	// Another manager publishes a property of the name that the spoke takes then.
	profile := i.profile()
	profile.Status.Properties = append(profile.Status.Properties, inventoryv1alpha1.Property{Name: "cost.example.com", Value: "high"})
	g.Expect(i.hub.Status().Update(t.Context(), profile, client.FieldOwner("finance"))).To(Succeed())
	g.Expect(i.spoke.Create(t.Context(), fixture.ClusterProperty("cost.example.com", "low"))).To(Succeed())
	g.Eventually(i.imported).Should(Equal("False PropertiesSkipped"))
	g.Expect(i.properties()).To(HaveKeyWithValue("cost.example.com", "high"))
	g.Eventually(func() []v1alpha1.InventoryProblem {
		g.Expect(i.hub.Get(t.Context(), client.ObjectKeyFromObject(i.inventory), i.inventory)).To(Succeed())
		return i.inventory.Status.Problems
	}).Should(ContainElement(HaveField("Message", ContainSubstring("cost.example.com (another writer publishes it)"))))

	g.Expect(i.spoke.Delete(t.Context(), region)).To(Succeed())
	g.Eventually(i.properties).Should(Equal(map[string]string{"cluster.clusterset.k8s.io": "paris", "cost.example.com": "high"}))

	i.setPolicy(v1alpha1.ClusterPropertyPolicyIgnore)
	g.Eventually(i.importGrant).Should(BeNil())
	g.Expect(i.properties()).To(Equal(map[string]string{"cost.example.com": "high"}), "what was imported goes with the access")
	g.Expect(i.granted(g)).NotTo(BeNil(), "the access of consumers stays")
}

// TestImportIsLimited: the broker's own access may do nothing but what it is for.
func TestImportIsLimited(t *testing.T) {
	i := newImporting(t)
	g := NewWithT(t)
	g.Eventually(i.imported).Should(Equal("True Imported"))
	secret := &corev1.Secret{}
	g.Expect(i.get(secret, i.namespace, "c1.clusterproperties.about.k8s.io.access")).To(BeTrue())
	holder := i.holder(secret)
	for _, list := range []client.ObjectList{&corev1.SecretList{}, &corev1.ConfigMapList{}, &corev1.NamespaceList{}, &corev1.PodList{}} {
		g.Expect(apierrors.IsForbidden(holder.List(t.Context(), list))).To(BeTrue(), "%T", list)
	}
	g.Expect(holder.Get(t.Context(), client.ObjectKey{Name: "kube-system"}, &corev1.Namespace{})).To(Succeed())
	g.Expect(apierrors.IsForbidden(holder.Get(t.Context(), client.ObjectKey{Name: "default"}, &corev1.Namespace{}))).To(BeTrue())
}

// TestImportKeepsToItsCluster: a kubeconfig that leads to another cluster does not bring that one's identity onto the profile, so that
// consumers notice.
func TestImportKeepsToItsCluster(t *testing.T) {
	i := newImporting(t)
	g := NewWithT(t)
	id := kubeSystemOf(t, i.spoke)
	g.Eventually(i.properties).Should(HaveKeyWithValue("cluster.clusterset.k8s.io", id))

	i.ownSpoke()
	g.Eventually(i.imported).Should(Equal("False WrongCluster"))
	g.Expect(i.properties()).To(HaveKeyWithValue("cluster.clusterset.k8s.io", id))

	// The spoke was rebuilt: a person says so.
	g.Expect(i.hub.Delete(t.Context(), i.importGrant())).To(Succeed())
	g.Eventually(i.properties).Should(HaveKeyWithValue("cluster.clusterset.k8s.io", kubeSystemOf(t, i.spoke)))
}

// TestImportOutlivesAnOutage: what a spoke said stays while it is away.
func TestImportOutlivesAnOutage(t *testing.T) {
	i := newImporting(t)
	g := NewWithT(t)
	want := map[string]string{"cluster.clusterset.k8s.io": kubeSystemOf(t, i.spoke)}
	g.Eventually(i.properties).Should(HaveKey("cluster.clusterset.k8s.io"))
	i.port.Cut(true)
	g.Eventually(i.imported).Should(Equal("False SpokeUnreachable"))
	g.Expect(i.properties()).To(HaveKeyWithValue("cluster.clusterset.k8s.io", want["cluster.clusterset.k8s.io"]))
	i.port.Cut(false)
	g.Eventually(i.imported).Should(Equal("True Imported"))
}

// TestImportsNothingThatIsNotAskedFor: neither a grant that a tenant has made nor a status that a tenant has written gets anything onto
// a profile.
func TestImportsNothingThatIsNotAskedFor(t *testing.T) {
	i := newImporting(t)
	g := NewWithT(t)
	g.Eventually(i.properties).Should(HaveKey("cluster.clusterset.k8s.io"))
	template := i.importGrant()
	i.setPolicy(v1alpha1.ClusterPropertyPolicyIgnore)
	g.Eventually(i.importGrant).Should(BeNil())

	forged := &v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{Namespace: i.namespace, Name: template.Name}, Spec: template.Spec}
	g.Expect(i.hub.Create(t.Context(), forged)).To(Succeed())
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       i.namespace,
			Name:            template.Name + ".access",
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(forged, v1alpha1.SchemeGroupVersion.WithKind("AccessGrant"))},
		},
		Type: v1alpha1.SecretTypeKubeconfig,
		Data: map[string][]byte{"value": fixture.Kubeconfig("c1", spoke.Config(), i.port.URL())},
	}
	g.Expect(i.hub.Create(t.Context(), secret)).To(Succeed())
	g.Eventually(func() string {
		if of := i.importGrant(); !meta.IsStatusConditionTrue(of.Status.Conditions, "Ready") {
			of.Status = template.Status
			of.Status.Secret.ResourceVersion = secret.ResourceVersion
			_ = i.hub.Status().Update(context.Background(), of)
		}
		return i.imported()
	}).Should(Equal("False NotWanted"))
	g.Expect(i.properties()).To(BeEmpty())
}
