// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// providers is the folder of what providers of managed and hosted clusters leave on a hub, a file each, and beside it what is
// published of that.
const providers = "testdata/providers"

// TestProviders publishes a Cluster of each managed and hosted control plane, with the objects and Secrets that its provider
// leaves, against the provider's own CRDs: a field that does not exist there is an error.
func TestProviders(t *testing.T) {
	hub := freeHub(t)
	if err := hub.Install(apiserver.Providers); err != nil {
		t.Fatal(err)
	}
	openShift := v1alpha1.InventorySpec{
		Properties: []v1alpha1.PropertyExpression{{Name: "openshift-version.example.com", Expression: "controlPlane.status.version"}},
	}
	tunnel := v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{
		{Name: "proxied", KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{NameSuffix: "-proxied-kubeconfig"}},
		{Name: "tunneled", KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{NameSuffix: "-tunneled-kubeconfig"}},
	}}
	rows := map[string]v1alpha1.InventorySpec{
		"eks":                    sample(t, "eks").Spec,
		"aks":                    sample(t, "aks").Spec,
		"aks-aso":                sample(t, "aks").Spec,
		"aks-aso-entra":          sample(t, "aks").Spec,
		"gke":                    sample(t, "gke").Spec,
		"rosa":                   openShift,
		"aro":                    openShift,
		"rke2":                   {},
		"k0smotron":              tunnel,
		"kamaji":                 {},
		"vcluster":               {},
		"standalone":             {},
		"standalone-before-1.14": {},
	}
	files, err := filepath.Glob(filepath.Join(providers, "*.golden.yaml"))
	if err != nil || !*update && len(files) != len(rows) {
		t.Fatalf("%d files for %d providers: %v", len(files), len(rows), err)
	}
	hub.startPublisher(t)
	for name, spec := range rows {
		t.Run(name, func(t *testing.T) {
			namespace := hub.newNamespace(t, nil)
			// The access provider that every Inventory has, beside that of the sample.
			spec.AccessProviders = append([]v1alpha1.AccessProvider{
				{Name: v1alpha1.ProviderKubeconfigSecret, KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{}},
			}, spec.AccessProviders...)
			hub.inventory(t, "provider-"+name, spec, namespace)
			hub.leave(t, namespace, name)
			got := compareWithGolden(
				t,
				filepath.Join(providers, name+".golden.yaml"),
				func() string { return hub.rendered(t, namespace, "provider-"+name) },
			)
			if strings.Contains(got, "version:\n    kubernetes: v1.") == strings.Contains(got, v1alpha1.ProblemVersionNotReported) {
				t.Errorf("either a version of Kubernetes or the problem that there is none:\n%s", got)
			}
		})
	}
}

// compareWithGolden waits until what is rendered is what the file holds, and returns it.
func compareWithGolden(t *testing.T, file string, render func() string) string {
	t.Helper()
	g := NewWithT(t)
	if *update {
		var last string
		g.Eventually(func() bool {
			was := last
			last = render()
			return was == last && strings.Contains(last, "Joined")
		}).WithPolling(2 * time.Second).Should(BeTrue())
		g.Expect(os.WriteFile(file, []byte(last), 0o644)).To(Succeed())
	}
	want, err := os.ReadFile(file)
	g.Expect(err).NotTo(HaveOccurred())
	g.Eventually(func() string { return cmp.Diff(string(want), render()) }).
		Should(BeEmpty(), "-want +got (run with -update where the change is meant)")
	return string(want)
}

// leave creates what a provider leaves on a hub: every object of its file, with its status.
func (hub *testHub) leave(t *testing.T, namespace, provider string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(providers, provider+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("${CA}", base64.StdEncoding.EncodeToString(hub.CertificateAuthority()), "${SECRET}", secretToken).
		Replace(string(raw))
	strict := client.WithFieldValidation(hub, metav1.FieldValidationStrict)
	for decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096); ; {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", provider, err)
		}
		object.SetNamespace(namespace)
		status, has := object.Object["status"]
		if err := strict.Create(t.Context(), object); err != nil {
			t.Fatalf("%s: %v", provider, err)
		}
		t.Cleanup(func() {
			if err := client.IgnoreNotFound(hub.Delete(context.Background(), object)); err != nil {
				t.Error(err)
			}
		})
		if !has {
			continue
		}
		object.Object["status"] = status
		if err := strict.Status().Update(t.Context(), object); err != nil {
			t.Fatalf("%s: the status of %s: %v", provider, object.GetKind(), err)
		}
	}
}

// rendered is the status of the profile of the Cluster c1, without times and sentences, and the reasons of the Inventory's problems.
func (hub *testHub) rendered(t *testing.T, namespace, inventory string) string {
	t.Helper()
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(inventoryv1alpha1.GroupVersion.WithKind("ClusterProfile"))
	if err := hub.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "c1"}, live); err != nil {
		return err.Error()
	}
	conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	for _, condition := range conditions {
		for _, field := range []string{"lastTransitionTime", "observedGeneration", "message"} {
			delete(condition.(map[string]any), field)
		}
	}
	if err := unstructured.SetNestedSlice(live.Object, conditions, "status", "conditions"); err != nil {
		t.Fatal(err)
	}
	out := map[string]any{"status": live.Object["status"]}
	var problems []any
	for _, problem := range hub.readInventory(t, inventory).Status.Problems {
		problems = append(problems, problem.Reason)
	}
	if problems != nil {
		out["problems"] = problems
	}
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte(secretToken)) {
		t.Error("a credential was published")
	}
	raw, err = yaml.JSONToYAML(raw)
	if err != nil {
		t.Fatal(err)
	}
	authority := base64.StdEncoding.EncodeToString(hub.CertificateAuthority())
	return strings.NewReplacer(namespace, "NAMESPACE", authority, "CA").Replace(string(raw))
}

// sample is an Inventory that we ship.
func sample(t *testing.T, name string) *v1alpha1.Inventory {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../config/samples/inventories", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var inventory v1alpha1.Inventory
	if err := yaml.UnmarshalStrict(raw, &inventory); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return &inventory
}
