// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	gomegatypes "github.com/onsi/gomega/types"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

const healthy = inventoryv1alpha1.ClusterConditionControlPlaneHealthy

// read reads an object of the hub. Inside an Eventually, one that is not there is waited for.
func read[T client.Object](g Gomega, key client.ObjectKey, into T) T {
	g.Expect(k8s.Get(context.Background(), key, into)).To(Succeed())
	return into
}

func (s *spoke) cluster(g Gomega) *clusterv1.Cluster { return read(g, s.key(), &clusterv1.Cluster{}) }

// profile is the one beside the Cluster.
func (s *spoke) profile(g Gomega) *inventoryv1alpha1.ClusterProfile { return profileAt(g, s.key()) }

func profileAt(g Gomega, key client.ObjectKey) *inventoryv1alpha1.ClusterProfile {
	return read(g, key, &inventoryv1alpha1.ClusterProfile{})
}

// joined is the condition Joined of that profile.
func (s *spoke) joined(g Gomega) *metav1.Condition {
	condition := meta.FindStatusCondition(s.profile(g).Status.Conditions, v1alpha1.ConditionJoined)
	g.Expect(condition).NotTo(BeNil())
	return condition
}

// check is what the consumer says of that profile.
func (s *spoke) check(g Gomega) *v1alpha1.SpokeCheck { return read(g, s.key(), &v1alpha1.SpokeCheck{}) }

// have expects a condition with a status and a reason.
func have(conditionType string, status metav1.ConditionStatus, reason string) gomegatypes.GomegaMatcher {
	text := func(conditions []metav1.Condition) string {
		condition := meta.FindStatusCondition(conditions, conditionType)
		if condition == nil {
			return "no condition " + conditionType
		}
		return fmt.Sprintf("%s=%s %s", condition.Type, condition.Status, condition.Reason)
	}
	return WithTransform(text, Equal(fmt.Sprintf("%s=%s %s", conditionType, status, reason)))
}

// beReachable expects of a SpokeCheck's conditions that the consumer has been in the spoke.
func beReachable() gomegatypes.GomegaMatcher {
	return have(v1alpha1.ConditionReachable, metav1.ConditionTrue, v1alpha1.ReasonReachable)
}

// provisioning is how long Cluster API may take to make a spoke.
const provisioning = 6 * time.Minute

// waitPublished waits until the profile says how to reach the spoke.
func (s *spoke) waitPublished(t *testing.T) *inventoryv1alpha1.ClusterProfile {
	t.Helper()
	var profile *inventoryv1alpha1.ClusterProfile
	NewWithT(t).Eventually(func(g Gomega) {
		profile = s.profile(g)
		g.Expect(profile.Status.Conditions).To(have(v1alpha1.ConditionJoined, metav1.ConditionTrue, v1alpha1.ReasonClusterRegistered))
		g.Expect(profile.Status.AccessProviders).NotTo(BeEmpty())
	}, provisioning).Should(Succeed())
	return profile
}

// waitHealthy waits until the profile calls the control plane healthy.
func (s *spoke) waitHealthy(t *testing.T) *inventoryv1alpha1.ClusterProfile {
	t.Helper()
	var profile *inventoryv1alpha1.ClusterProfile
	NewWithT(t).Eventually(func(g Gomega) {
		profile = s.profile(g)
		g.Expect(profile.Status.Conditions).To(have(healthy, metav1.ConditionTrue, v1alpha1.ReasonProbeSucceeded))
	}, provisioning).Should(Succeed())
	return profile
}
