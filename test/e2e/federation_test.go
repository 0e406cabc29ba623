// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/kustomize/kyaml/yaml/merge2"
	k8syaml "sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

const federationSamples = "config/samples/federation/"

// A workload cluster trusts the hub: its API server takes the hub's keys from the hub itself, and expects tokens for its own endpoint
// and certificate authority, as the samples configure it. A consumer in the hub, which may read profiles and request tokens of its own
// ServiceAccount, and which may read no Secret, gets in with what the plugin of our image gives it.
func TestFederation(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	discovery := sampleObject(t, "issuer-discovery.yaml")
	g.Expect(k8s.Create(t.Context(), discovery)).To(Succeed())
	removeAfter(t, discovery)
	issuer := hub.issuer(t)
	step(t, "The hub issues tokens as %s, and its keys are at %s", issuer.Issuer, issuer.KeysURI)

	spoke := docker("federated")
	patch := issuer.controlPlanePatch(t, spoke.Name)
	spoke.change = func(object *unstructured.Unstructured) error {
		if object.GetKind() != "KubeadmControlPlane" {
			return nil
		}
		return merge(object, patch)
	}
	newSpoke(t, spoke)
	spoke.waitAvailable(t)
	namespace := newNamespace(t, "federation")
	spoke.publishFederated(t, namespace)
	const account = "fleet-consumer"
	user := "hub:system:serviceaccount:" + namespace + ":" + account
	spoke.permit(t, user)

	step(t, "A consumer looks from %s", namespace)
	pod := newConsumerPod(t, namespace, account)
	// It ends when it is in; until then it is started again. The spoke fetches the hub's keys every ten seconds until it has them.
	g.Eventually(func(g Gomega) {
		phase := read(g, client.ObjectKeyFromObject(pod), &corev1.Pod{}).Status.Phase
		g.Expect(phase).To(Equal(corev1.PodSucceeded))
	}, 3*time.Minute).Should(Succeed())
	checks := printedChecks(t, pod)
	g.Expect(checks).To(HaveLen(1))
	g.Expect(checks[0].Status.Conditions).To(beReachable())
	g.Expect(checks[0].Status.User).To(Equal(user))
	step(t, "It gets in as %s", user)
}

// publishFederated publishes the spoke into a namespace, by the Inventory of the samples.
func (s *spoke) publishFederated(t *testing.T, namespace string) {
	t.Helper()
	spec := sampleInventory(t, "serviceaccount-token").Spec
	spec.Namespace, spec.NamespaceSelector, spec.ProfileName = namespace, s.namespaceSelector(), v1alpha1.ProfileNamingName
	spec.ClusterSelector = metav1.LabelSelector{}
	newInventory(t, namespace, spec)
	NewWithT(t).Eventually(func(g Gomega) {
		profile := profileAt(g, client.ObjectKey{Namespace: namespace, Name: s.Name})
		g.Expect(profile.Status.AccessProviders).To(HaveLen(1))
		g.Expect(profile.Status.AccessProviders[0].Name).To(Equal("serviceaccount-token"))
		g.Expect(profile.Status.AccessProviders[0].Cluster.Extensions).To(BeEmpty())
	}).Should(Succeed())
}

// permit gives a user of the hub the rights of the samples in the spoke.
func (s *spoke) permit(t *testing.T, user string) {
	t.Helper()
	g := NewWithT(t)
	inside, err := s.client(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	binding := sampleObject(t, "spoke-rbac.yaml")
	subject := map[string]any{"apiGroup": rbacv1.GroupName, "kind": rbacv1.UserKind, "name": user}
	g.Expect(unstructured.SetNestedSlice(binding.Object, []any{subject}, "subjects")).To(Succeed())
	g.Expect(inside.Create(t.Context(), binding)).To(Succeed())
}

// issuer is what the hub says about the tokens of its ServiceAccounts.
type issuer struct {
	Issuer  string `json:"issuer"`
	KeysURI string `json:"jwks_uri"`
}

const keysPath = "/openid/v1/jwks"

func (h *managementCluster) issuer(t *testing.T) issuer {
	t.Helper()
	asking, err := kubernetes.NewForConfig(h.config)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := asking.RESTClient().Get().AbsPath("/.well-known/openid-configuration").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var found issuer
	if err := json.Unmarshal(raw, &found); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(found.KeysURI, keysPath) {
		t.Fatalf("the hub's keys are at %s, and so not at the hub", found.KeysURI)
	}
	return found
}

// controlPlanePatch is that of the samples, for this issuer. A kubeadm cluster has the same issuer as any other, which kube-apiserver
// refuses to trust beside its own: so the spoke gets one of its own.
func (i issuer) controlPlanePatch(t *testing.T, spoke string) string {
	t.Helper()
	var patch, config map[string]any
	g := NewWithT(t)
	g.Expect(k8syaml.Unmarshal(sampleFile(t, "kubeadmcontrolplane-patch.yaml"), &patch)).To(Succeed())
	files, _, err := unstructured.NestedSlice(patch, "spec", "kubeadmConfigSpec", "files")
	g.Expect(err).NotTo(HaveOccurred())
	file := files[0].(map[string]any)
	g.Expect(k8syaml.Unmarshal([]byte(file["content"].(string)), &config)).To(Succeed())
	trusted := config["jwt"].([]any)[0].(map[string]any)["issuer"].(map[string]any)
	trusted["url"] = i.Issuer
	// The address at which the hub says it can be reached: that of its container in the network that it shares with spokes.
	trusted["discoveryURL"] = strings.TrimSuffix(i.KeysURI, keysPath) + "/.well-known/openid-configuration"
	trusted["certificateAuthority"] = string(hub.config.CAData)
	content, err := k8syaml.Marshal(config)
	g.Expect(err).NotTo(HaveOccurred())
	file["content"] = string(content)
	g.Expect(unstructured.SetNestedSlice(patch, files, "spec", "kubeadmConfigSpec", "files")).To(Succeed())
	args := []string{"spec", "kubeadmConfigSpec", "clusterConfiguration", "apiServer", "extraArgs"}
	extra, _, err := unstructured.NestedSlice(patch, args...)
	g.Expect(err).NotTo(HaveOccurred())
	extra = append(extra, map[string]any{"name": "service-account-issuer", "value": "https://" + spoke + ".example.com"})
	g.Expect(unstructured.SetNestedSlice(patch, extra, args...)).To(Succeed())
	raw, err := k8syaml.Marshal(patch)
	g.Expect(err).NotTo(HaveOccurred())
	return string(raw)
}

// merge merges a patch into an object.
func merge(object *unstructured.Unstructured, patch string) error {
	raw, err := k8syaml.Marshal(object.Object)
	if err != nil {
		return err
	}
	merged, err := merge2.MergeStrings(patch, string(raw), false, yaml.MergeOptions{})
	if err != nil {
		return err
	}
	return k8syaml.Unmarshal([]byte(merged), &object.Object)
}

// newConsumerPod starts a consumer of our image that checks the profiles of its namespace until all spokes are reachable, with the
// rights of the samples.
func newConsumerPod(t *testing.T, namespace, account string) *corev1.Pod {
	t.Helper()
	meta := metav1.ObjectMeta{Namespace: namespace, Name: account}
	names := []string{account}
	const providers = "clusterprofile-provider-file.json"
	pod := &corev1.Pod{ObjectMeta: meta, Spec: corev1.PodSpec{
		ServiceAccountName: account,
		RestartPolicy:      corev1.RestartPolicyOnFailure,
		Containers: []corev1.Container{{
			Name:  "consumer",
			Image: installed(t).images()[1],
			Args: []string{
				"--once", "--output=json", "--namespace=" + namespace, "--require-permission=list/pods", "--timeout=20s",
				"--clusterprofile-provider-file=/etc/providers/" + providers,
			},
			VolumeMounts: []corev1.VolumeMount{{Name: "providers", MountPath: "/etc/providers", ReadOnly: true}},
		}},
		Volumes: []corev1.Volume{{Name: "providers", VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: account}},
		}}},
	}}
	for _, object := range []client.Object{
		&corev1.ServiceAccount{ObjectMeta: meta},
		&corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{providers: string(sampleFile(t, providers))}},
		&rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"serviceaccounts/token"}, ResourceNames: names, Verbs: []string{"create"}},
			{APIGroups: []string{"multicluster.x-k8s.io"}, Resources: []string{"clusterprofiles"}, Verbs: []string{"list"}},
		}},
		&rbacv1.RoleBinding{
			ObjectMeta: meta,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: account},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: account}},
		},
		pod,
	} {
		if err := k8s.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	return pod
}

// printedChecks are what a consumer has printed.
func printedChecks(t *testing.T, pod *corev1.Pod) []v1alpha1.SpokeCheck {
	t.Helper()
	logs, err := kubernetes.NewForConfig(hub.config)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := logs.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var checks v1alpha1.SpokeCheckList
	if err := json.Unmarshal(raw, &checks); err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	return checks.Items
}

func sampleFile(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(fromRoot(federationSamples + name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// sampleObject is the object of a sample that has one.
func sampleObject(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := k8syaml.Unmarshal(sampleFile(t, name), &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}
