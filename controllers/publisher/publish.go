// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/expression"
	"github.com/capi-inventory/capi-inventory/internal/profile"
)

// outcome is what became of one Cluster in one Inventory.
type outcome struct {
	problems []profile.Problem
	// wrote says that the profile was changed.
	wrote bool
	// unknown says that nothing could be judged yet, so that problems are as they were.
	unknown bool
	// again is after how long to look again; zero where an event will tell.
	again time.Duration
}

// publish brings one profile of a Cluster in line with it, if the profile is ours to write.
func (r *Reconciler) publish(ctx context.Context, cluster *clusterv1.Cluster, c claim) (outcome, error) {
	live, err := r.profile(ctx, c.profile)
	if err != nil {
		return outcome{}, err
	}
	if wait := r.writes.behind(c.profile, live); wait > 0 {
		return outcome{unknown: true, again: wait}, nil
	}
	switch profile.StandingOf(live, r.options.ClusterManager, cluster) {
	case profile.Foreign:
		return outcome{problems: []profile.Problem{profile.ForeignProblem(live, r.options.ClusterManager)}}, nil
	case profile.Outlived:
		// Its successor is published when it is gone: the deletion is an event.
		stuck, wait, err := r.remove(ctx, live, cluster)
		return outcome{problems: stuck, again: wait}, err
	}
	if live != nil && !live.DeletionTimestamp.IsZero() {
		// Somebody has deleted it and a consumer's finalizer holds it: it is made anew when it is gone.
		stuck, wait := r.stuck(live)
		return outcome{problems: stuck, again: wait}, nil
	}
	if told, closed, err := r.namespaceClosed(ctx, c.profile.Namespace); err != nil || closed {
		return outcome{problems: told}, err
	}
	facts, known, again, err := r.facts(ctx, cluster, c.inventory, live)
	if err != nil {
		return outcome{}, fmt.Errorf("gathering facts: %w", err)
	}
	if !known {
		return outcome{unknown: true, again: time.Second}, nil
	}
	done, err := r.apply(ctx, c.inventory, facts)
	var wait soonest
	wait.add(again)
	wait.add(done.again)
	done.again = wait.duration()
	return done, err
}

// profile returns a live profile from the cache; nil where there is none.
func (r *Reconciler) profile(ctx context.Context, key types.NamespacedName) (*inventoryv1alpha1.ClusterProfile, error) {
	live := &inventoryv1alpha1.ClusterProfile{}
	if err := r.client.Get(ctx, key, live); apierrors.IsNotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("reading ClusterProfile %s: %w", key, err)
	}
	return live, nil
}

// namespaceClosed reports whether nothing can be published into a namespace: because it is going, which is nobody's fault,
// or because it does not exist, which is told.
func (r *Reconciler) namespaceClosed(ctx context.Context, name string) ([]profile.Problem, bool, error) {
	namespace, err := r.namespace(ctx, name)
	switch {
	case err != nil:
		return nil, false, err
	case namespace == nil:
		return []profile.Problem{{
			Reason:  v1alpha1.ProblemNamespaceMissing,
			Message: fmt.Sprintf("the namespace %q does not exist; create it, and the profiles follow", name),
		}}, true, nil
	}
	return nil, !namespace.DeletionTimestamp.IsZero(), nil
}

// facts gathers what the core needs to know; false where that is not known yet. again is when to look again at what no event
// will tell.
func (r *Reconciler) facts(ctx context.Context, cluster *clusterv1.Cluster, inventory *profile.Inventory, live *inventoryv1alpha1.ClusterProfile) (facts profile.Facts, known bool, again time.Duration, err error) {
	facts = profile.Facts{Manager: r.options.ClusterManager, Cluster: cluster, Published: live, Now: r.options.Clock.Now()}
	if inventory.UsesControlPlane(cluster) {
		if facts.ControlPlane, known, err = r.objects.get(ctx, cluster, cluster.Spec.ControlPlaneRef); err != nil || !known {
			return facts, false, 0, err
		}
	}
	if inventory.Uses(expression.Infrastructure) {
		if facts.Infrastructure, known, err = r.objects.get(ctx, cluster, cluster.Spec.InfrastructureRef); err != nil || !known {
			return facts, false, 0, err
		}
	}
	facts.Kubeconfigs, again, err = r.secrets.kubeconfigs(ctx, cluster.Namespace, inventory.Secrets(cluster))
	return facts, true, again, err
}

// apply writes what differs between a profile and what it should say: first the profile, then its status.
func (r *Reconciler) apply(ctx context.Context, inventory *profile.Inventory, facts profile.Facts) (outcome, error) {
	var out outcome
	wanted, problems := inventory.Profile(facts)
	out.problems = problems
	if wanted == nil {
		return out, nil
	}
	key := inventory.Key(facts.Cluster)
	// A profile that must wait does not hold up its status: that may carry a changed endpoint, which never waits.
	generation, wait, err := r.applyProfile(ctx, key, wanted, facts.Published, &out)
	if err != nil {
		out.problems = append(out.problems, refused(err)...)
		return out, err
	}
	var again soonest
	again.add(wait)
	status, problems := inventory.Status(facts, generation)
	out.problems = append(out.problems, problems...)
	wait, err = r.applyStatus(ctx, key, status, facts.Published, &out)
	again.add(wait)
	out.again = again.duration()
	out.problems = append(out.problems, refused(err)...)
	return out, err
}

// refused makes a problem of what the API server does not accept, beside the error that has it tried again: what is invalid,
// and what rights, a quota or an admission policy forbid. A namespace that is going forbids it too, which is nobody's fault.
func refused(err error) []profile.Problem {
	forbidden := apierrors.IsForbidden(err) && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
	if !forbidden && !apierrors.IsInvalid(err) {
		return nil
	}
	return []profile.Problem{{Reason: v1alpha1.ProblemWriteRefused, Message: err.Error()}}
}
