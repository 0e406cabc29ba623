// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// await waits until something has come true.
func (t *theatre) await(ctx context.Context, what string, condition func() bool) error {
	err := wait.PollUntilContextTimeout(
		ctx,
		10*time.Millisecond,
		patience,
		true,
		func(context.Context) (bool, error) { return condition(), nil },
	)
	if err != nil {
		return fmt.Errorf("it did not come true that %s: %w", what, err)
	}
	return nil
}

func since(started time.Time) time.Duration { return time.Since(started).Round(time.Millisecond) }

// profile reads a profile; nil where there is none.
func (t *theatre) profile(ctx context.Context, key client.ObjectKey) *inventoryv1alpha1.ClusterProfile {
	profile := &inventoryv1alpha1.ClusterProfile{}
	if t.client.Get(ctx, key, profile) != nil {
		return nil
	}
	return profile
}

// condition reads a condition of a profile; an empty one where there is none.
func (t *theatre) condition(ctx context.Context, key client.ObjectKey, conditionType string) metav1.Condition {
	if profile := t.profile(ctx, key); profile != nil {
		if found := meta.FindStatusCondition(profile.Status.Conditions, conditionType); found != nil {
			return *found
		}
	}
	return metav1.Condition{}
}

func (t *theatre) healthy(ctx context.Context, key client.ObjectKey) metav1.ConditionStatus {
	return t.condition(ctx, key, inventoryv1alpha1.ClusterConditionControlPlaneHealthy).Status
}

// server is what a profile says to dial.
func (t *theatre) server(ctx context.Context, key client.ObjectKey) string {
	profile := t.profile(ctx, key)
	if profile == nil || len(profile.Status.AccessProviders) == 0 {
		return ""
	}
	return profile.Status.AccessProviders[0].Cluster.Server
}

// reason is why a spoke is reachable or not; empty where it has not been checked.
func (t *theatre) reason(ctx context.Context, key client.ObjectKey) string {
	check := &v1alpha1.SpokeCheck{}
	if t.client.Get(ctx, key, check) != nil {
		return ""
	}
	if found := meta.FindStatusCondition(check.Status.Conditions, v1alpha1.ConditionReachable); found != nil {
		return found.Reason
	}
	return ""
}

// ready reports whether an Inventory says that it has published so many profiles and nothing is amiss.
func (t *theatre) ready(ctx context.Context, name string, published int32) bool {
	inventory := &v1alpha1.Inventory{}
	return t.client.Get(ctx, client.ObjectKey{Name: name}, inventory) == nil &&
		inventory.Status.Published == published && meta.IsStatusConditionTrue(inventory.Status.Conditions, v1alpha1.ConditionReady)
}

// problems is how many problems an Inventory reports.
func (t *theatre) problems(ctx context.Context, name string) int {
	inventory := &v1alpha1.Inventory{}
	if t.client.Get(ctx, client.ObjectKey{Name: name}, inventory) != nil {
		return 0
	}
	return len(inventory.Status.Problems)
}

// changeCluster changes the status of a Cluster, as Cluster API would.
func (t *theatre) changeCluster(ctx context.Context, key client.ObjectKey, change fixture.ClusterOption) error {
	cluster := &clusterv1.Cluster{}
	if err := t.client.Get(ctx, key, cluster); err != nil {
		return fmt.Errorf("reading a Cluster: %w", err)
	}
	change(cluster)
	if err := t.client.Status().Update(ctx, cluster); err != nil {
		return fmt.Errorf("changing the status of a Cluster: %w", err)
	}
	return nil
}

func (t *theatre) showProfiles(ctx context.Context) error {
	return t.getTable(ctx, "clusterprofiles", "/apis/multicluster.x-k8s.io/v1alpha1/clusterprofiles", false)
}

func (t *theatre) showChecks(ctx context.Context, wide bool) error {
	return t.getTable(ctx, "spokechecks", "/apis/capi-inventory.dev/v1alpha1/spokechecks", wide)
}
