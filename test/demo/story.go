// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// patience is how long a step may take to come true.
const patience = 30 * time.Second

// run runs the demo. Its error names the step that failed.
func (t *theatre) run(ctx context.Context) error {
	steps := []func(context.Context) error{
		t.twoInventories, t.twoClusters, t.spokeStops, t.endpointMoves, t.kubeconfigBreaks, t.clusterGoes,
	}
	for _, scene := range steps {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	say("\nEvery step came true.")
	return nil
}

func (t *theatre) twoInventories(ctx context.Context) error {
	chapter("An administrator says what to publish, and where")
	say("One Inventory puts the profile of every Cluster beside it. Another one publishes the Clusters of production for Argo CD,")
	say("which reads its own namespace alone.")
	for _, inventory := range []*v1alpha1.Inventory{
		{ObjectMeta: metav1.ObjectMeta{Name: "default"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "argocd"}, Spec: v1alpha1.InventorySpec{
			Namespace:       "argocd",
			ClusterSelector: metav1.LabelSelector{MatchLabels: map[string]string{"env": "prod"}},
			ClusterSet:      "prod",
			Labels:          v1alpha1.Propagation{Include: []string{"env"}},
			Properties:      []v1alpha1.PropertyExpression{{Name: "region.example.com", Expression: "cluster.metadata.labels['region']"}},
		}},
	} {
		if err := t.client.Create(ctx, inventory); err != nil {
			return fmt.Errorf("making an Inventory: %w", err)
		}
	}
	return nil
}

func (t *theatre) twoClusters(ctx context.Context) error {
	chapter("Two Clusters appear")
	say("The demo plays Cluster API's part: it makes the Clusters london and paris, reports their control planes available, and")
	say("leaves a kubeconfig Secret for each.")
	started := time.Now()
	for _, cluster := range []*clusterv1.Cluster{
		fixture.Cluster("team-a", "london", fixture.Provisioned("v1.36.3"),
			fixture.Labels(map[string]string{"env": "prod", "region": "eu-west"})),
		fixture.Cluster("team-b", "paris", fixture.Provisioned("v1.36.3"), fixture.Labels(map[string]string{"env": "test"})),
	} {
		status := cluster.Status
		if err := t.client.Create(ctx, cluster); err != nil {
			return fmt.Errorf("making a Cluster: %w", err)
		}
		cluster.Status = status
		if err := t.client.Status().Update(ctx, cluster); err != nil {
			return fmt.Errorf("reporting the status of a Cluster: %w", err)
		}
		at := t.spokes[cluster.Name]
		if err := t.client.Create(
			ctx,
			fixture.KubeconfigSecret(cluster.Namespace, cluster.Name, fixture.Kubeconfig(cluster.Name, at.admin, at.balancer.URL())),
		); err != nil {
			return fmt.Errorf("making a kubeconfig Secret: %w", err)
		}
	}
	for _, at := range []client.ObjectKey{
		{Namespace: "team-a", Name: "london"}, {Namespace: "team-b", Name: "paris"}, {Namespace: "argocd", Name: "team-a--london"},
	} {
		if err := t.await(
			ctx,
			fmt.Sprintf("%s is published and reachable", at),
			func() bool { return t.reason(ctx, at) == v1alpha1.ReasonReachable },
		); err != nil {
			return err
		}
	}
	say("Published, and proven reachable through the published profiles alone, %s after the first Cluster was made.", since(started))
	if err := t.showProfiles(ctx); err != nil {
		return err
	}
	if err := t.await(
		ctx,
		"both Inventories are ready",
		func() bool { return t.ready(ctx, "default", 2) && t.ready(ctx, "argocd", 1) },
	); err != nil {
		return err
	}
	if err := t.getTable(ctx, "inventories", "/apis/capi-inventory.dev/v1alpha1/inventories", false); err != nil {
		return err
	}
	profile := &unstructured.Unstructured{}
	profile.SetGroupVersionKind(inventoryv1alpha1.GroupVersion.WithKind("ClusterProfile"))
	profile.SetNamespace("argocd")
	profile.SetName("team-a--london")
	if err := t.getYAML(ctx, "clusterprofile", profile); err != nil {
		return err
	}
	if err := t.showChecks(ctx, true); err != nil {
		return err
	}
	return t.inventory(ctx, "lint", "team-a--london", "-n", "argocd")
}

func (t *theatre) spokeStops(ctx context.Context) error {
	paris := client.ObjectKey{Namespace: "team-b", Name: "paris"}
	chapter("The spoke paris stops")
	if err := t.spokes["paris"].Pause(); err != nil {
		return err
	}
	if err := t.await(
		ctx,
		"the check of paris says so",
		func() bool { return t.reason(ctx, paris) == v1alpha1.ReasonConnectFailed },
	); err != nil {
		return err
	}
	if err := t.showChecks(ctx, false); err != nil {
		return err
	}
	say("\nCluster API's probe fails too, after a while; the demo plays that. The profile does not guess: its health is Unknown.")
	if err := t.changeCluster(
		ctx,
		paris,
		fixture.Condition(clusterv1.ClusterRemoteConnectionProbeCondition, metav1.ConditionFalse),
	); err != nil {
		return err
	}
	if err := t.await(
		ctx,
		"the profile of paris is of unknown health",
		func() bool { return t.healthy(ctx, paris) == metav1.ConditionUnknown },
	); err != nil {
		return err
	}
	if err := t.inventory(ctx, "list", "-A"); err != nil {
		return err
	}
	if err := t.inventory(ctx, "check", "paris", "-n", "team-b", "--allow-local-servers"); err != nil {
		return err
	}

	chapter("paris comes back")
	if err := t.spokes["paris"].Resume(); err != nil {
		return err
	}
	if err := t.changeCluster(
		ctx,
		paris,
		fixture.Condition(clusterv1.ClusterRemoteConnectionProbeCondition, metav1.ConditionTrue),
	); err != nil {
		return err
	}
	if err := t.await(ctx, "paris is reachable and healthy again", func() bool {
		return t.reason(ctx, paris) == v1alpha1.ReasonReachable && t.healthy(ctx, paris) == metav1.ConditionTrue
	}); err != nil {
		return err
	}
	return t.showChecks(ctx, false)
}

func (t *theatre) endpointMoves(ctx context.Context) error {
	london := client.ObjectKey{Namespace: "team-a", Name: "london"}
	chapter("The kubeconfig of london moves to another endpoint")
	at := t.spokes["london"]
	balancer, err := at.Forward()
	if err != nil {
		return err
	}
	started := time.Now()
	if err := t.client.Update(
		ctx,
		fixture.KubeconfigSecret("team-a", "london", fixture.Kubeconfig("london", at.admin, balancer.URL())),
	); err != nil {
		return fmt.Errorf("changing a kubeconfig Secret: %w", err)
	}
	if err := t.await(
		ctx,
		"the profile of london names the new endpoint",
		func() bool { return t.server(ctx, london) == balancer.URL() },
	); err != nil {
		return err
	}
	say("The profile names %s %s after the Secret changed.", balancer.URL(), since(started))
	old := at.balancer
	at.balancer = balancer
	if err := old.Close(); err != nil {
		return fmt.Errorf("closing the old endpoint: %w", err)
	}
	if err := t.await(ctx, "london is reached at its new endpoint", func() bool {
		check := &v1alpha1.SpokeCheck{}
		return t.client.Get(ctx, london, check) == nil && check.Status.Server == balancer.URL() &&
			meta.IsStatusConditionTrue(check.Status.Conditions, v1alpha1.ConditionReachable)
	}); err != nil {
		return err
	}
	return t.showChecks(ctx, true)
}

func (t *theatre) kubeconfigBreaks(ctx context.Context) error {
	london := client.ObjectKey{Namespace: "team-a", Name: "london"}
	chapter("A broken kubeconfig arrives for london")
	good := t.server(ctx, london)
	broken := fixture.KubeconfigSecret("team-a", "london", []byte("apiVersion: v1\nkind: Config\ncurrent-context: nowhere\n"))
	if err := t.client.Update(ctx, broken); err != nil {
		return fmt.Errorf("breaking a kubeconfig Secret: %w", err)
	}
	message := ""
	if err := t.await(ctx, "the profile of london says what is wrong", func() bool {
		message = t.condition(ctx, london, v1alpha1.ConditionJoined).Message
		return t.condition(ctx, london, v1alpha1.ConditionJoined).ObservedGeneration > 0 &&
			message != "The Cluster is under management and its access is published."
	}); err != nil {
		return err
	}
	if t.server(ctx, london) != good {
		return fmt.Errorf("the last good access of london is gone")
	}
	say("Its condition Joined says: %s", message)
	say("The profile still names %s.", good)
	if err := t.showEvent(ctx, "team-a", "KubeconfigNoCurrentContext"); err != nil {
		return err
	}
	if err := t.await(ctx, "the Inventory default reports the problem", func() bool { return t.problems(ctx, "default") > 0 }); err != nil {
		return err
	}
	if err := t.getTable(ctx, "inventories", "/apis/capi-inventory.dev/v1alpha1/inventories", false); err != nil {
		return err
	}

	at := t.spokes["london"]
	if err := t.client.Update(
		ctx,
		fixture.KubeconfigSecret("team-a", "london", fixture.Kubeconfig("london", at.admin, at.balancer.URL())),
	); err != nil {
		return fmt.Errorf("fixing a kubeconfig Secret: %w", err)
	}
	say("\nThe kubeconfig is fixed.")
	return t.await(ctx, "london is reachable", func() bool {
		return t.condition(ctx, london, v1alpha1.ConditionJoined).Message != message && t.reason(ctx, london) == v1alpha1.ReasonReachable
	})
}

func (t *theatre) clusterGoes(ctx context.Context) error {
	paris := client.ObjectKey{Namespace: "team-b", Name: "paris"}
	chapter("The Cluster paris is deleted")
	started := time.Now()
	if err := t.client.Delete(
		ctx,
		&clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: paris.Namespace, Name: paris.Name}},
	); err != nil {
		return fmt.Errorf("deleting a Cluster: %w", err)
	}
	if err := t.await(ctx, "the profile of paris is gone", func() bool {
		return client.IgnoreNotFound(t.client.Get(ctx, paris, &inventoryv1alpha1.ClusterProfile{})) == nil && t.profile(ctx, paris) == nil
	}); err != nil {
		return err
	}
	say("Its profile was gone %s later.", since(started))
	if err := t.await(ctx, "the check of paris is gone", func() bool {
		return client.IgnoreNotFound(t.client.Get(ctx, paris, &v1alpha1.SpokeCheck{})) == nil && t.reason(ctx, paris) == ""
	}); err != nil {
		return err
	}
	if err := t.showProfiles(ctx); err != nil {
		return err
	}
	return t.showChecks(ctx, false)
}

// showEvent waits for a warning and prints it.
func (t *theatre) showEvent(ctx context.Context, namespace, reason string) error {
	fmt.Printf("\n$ kubectl events -n %s --types=Warning\n", namespace)
	return t.await(ctx, "an Event on the Cluster reports it", func() bool {
		var events corev1.EventList
		if err := t.client.List(ctx, &events, client.InNamespace(namespace)); err != nil {
			return false
		}
		for _, event := range events.Items {
			if event.Reason == reason {
				fmt.Printf(
					"%s   %s   %s/%s   %s\n",
					event.Type,
					event.Reason,
					event.InvolvedObject.Kind,
					event.InvolvedObject.Name,
					event.Message,
				)
				return true
			}
		}
		return false
	})
}
