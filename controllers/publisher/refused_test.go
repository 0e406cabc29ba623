// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// TestReportsWhatTheHubRefuses has an admission policy refuse a profile, once with the reason that missing rights and
// quotas have too, and once with the one of a faulty object.
func TestReportsWhatTheHubRefuses(t *testing.T) {
	hub := freeHub(t)
	for _, reason := range []metav1.StatusReason{metav1.StatusReasonForbidden, metav1.StatusReasonInvalid} {
		t.Run(string(reason), func(t *testing.T) {
			g := NewWithT(t)
			namespace := hub.newNamespace(t, nil)
			binding := hub.deny(t, namespace, admissionregistrationv1.Create, reason, func() error { return hub.tryToCreate(t, namespace) })
			refusing := hub.inventory(t, "refused-"+strings.ToLower(string(reason)), v1alpha1.InventorySpec{}, namespace)
			hub.startPublisher(t).working(g)
			cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
				hub.kubeconfig("c1", "https://10.0.0.1:6443"))

			problems := func() []v1alpha1.InventoryProblem { return hub.readInventory(t, refusing.Name).Status.Problems }
			g.Eventually(problems).Should(ConsistOf(And(
				HaveField("Cluster", namespace+"/c1"),
				HaveField("Reason", v1alpha1.ProblemWriteRefused),
				HaveField("Message", ContainSubstring("no profiles here, please")),
			)))
			g.Eventually(func() []string { return hub.eventsOn(t, cluster) }).Should(ContainElement(v1alpha1.ProblemWriteRefused))
			g.Expect(hub.get(t, namespace, "c1")).To(BeNil())

			g.Expect(hub.Delete(t.Context(), binding)).To(Succeed())
			hub.published(t, g, namespace, "c1")
			g.Eventually(problems).Should(BeEmpty(), "it is reported no longer than it is true")
		})
	}
}

// TestReportsRefusedWithdrawals has an admission policy refuse a withdrawal.
func TestReportsRefusedWithdrawals(t *testing.T) {
	hub := freeHub(t)
	g := NewWithT(t)
	namespace := hub.newNamespace(t, nil)
	refusing := hub.inventory(t, "refused-withdrawal", v1alpha1.InventorySpec{}, namespace)
	hub.startPublisher(t)
	cluster := hub.createCluster(t, fixture.Cluster(namespace, "c1", fixture.Provisioned("v1.36.3")),
		hub.kubeconfig("c1", "https://10.0.0.1:6443"))
	profile := hub.published(t, g, namespace, "c1")
	binding := hub.deny(t, namespace, admissionregistrationv1.Delete, metav1.StatusReasonForbidden, func() error {
		return hub.Delete(t.Context(), profile.DeepCopy(), client.DryRunAll)
	})
	g.Expect(hub.Delete(t.Context(), cluster)).To(Succeed())

	problems := func() []v1alpha1.InventoryProblem { return hub.readInventory(t, refusing.Name).Status.Problems }
	g.Eventually(problems).Should(ConsistOf(And(
		HaveField("Cluster", namespace+"/c1"),
		HaveField("Reason", v1alpha1.ProblemWriteRefused),
		HaveField("Message", ContainSubstring("no profiles here, please")),
	)))

	g.Expect(hub.Delete(t.Context(), binding)).To(Succeed())
	g.Eventually(func() *inventoryv1alpha1.ClusterProfile { return hub.get(t, namespace, "c1") }).Should(BeNil())
	g.Eventually(problems).Should(BeEmpty(), "it is reported no longer than it is true")
}

// deny has the API server refuse an operation on the profiles of a namespace, and returns what binds it there. attempt tries
// such an operation.
func (hub *testHub) deny(
	t *testing.T,
	namespace string,
	operation admissionregistrationv1.OperationType,
	reason metav1.StatusReason,
	attempt func() error,
) client.Object {
	t.Helper()
	policy := &admissionregistrationv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionregistrationv1.MatchResources{ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionregistrationv1.RuleWithOperations{
					Operations: []admissionregistrationv1.OperationType{operation},
					Rule: admissionregistrationv1.Rule{
						APIGroups: []string{
							inventoryv1alpha1.GroupVersion.Group,
						},
						APIVersions: []string{"*"},
						Resources:   []string{"clusterprofiles"},
					},
				},
			}}},
			Validations: []admissionregistrationv1.Validation{
				{Expression: "false", Message: "no profiles here, please", Reason: ptr.To(reason)},
			},
		},
	}
	binding := &admissionregistrationv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        policy.Name,
			ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny},
			MatchResources: &admissionregistrationv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}},
			},
		},
	}
	hub.create(t, policy, binding)
	t.Cleanup(func() {
		for _, object := range []client.Object{binding, policy} {
			if err := client.IgnoreNotFound(hub.Delete(contextOf(t), object)); err != nil {
				t.Error(err)
			}
		}
	})
	// The API server learns of a policy a moment after it has stored it.
	NewWithT(t).Eventually(func() metav1.StatusReason { return apierrors.ReasonForError(attempt()) }).Should(Equal(reason))
	return binding
}

// tryToCreate makes a profile, but not for good.
func (hub *testHub) tryToCreate(t *testing.T, namespace string) error {
	t.Helper()
	trial := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "trial"}}
	trial.Spec.ClusterManager.Name = "trial"
	return hub.Create(t.Context(), trial, client.DryRunAll)
}
