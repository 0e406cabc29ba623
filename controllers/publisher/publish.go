// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// lookAgainForObjects is how soon to look again for objects that have not been listed: an object that does not exist has no
// event that says so.
const lookAgainForObjects = 10 * time.Second

// outcome is what became of one Cluster in one Inventory.
type outcome struct {
	problems []profile.Problem
	// wrote says that the profile was changed.
	wrote bool
	// keep says that not everything could be judged, so that the problems known before are kept beside these.
	keep bool
	// held says that a write waits, because there were too many.
	held bool
	// again is after how long to look again; zero where an event will wake the Cluster.
	again time.Duration
}

func (o *outcome) wait(after time.Duration) {
	again := soonest(o.again)
	again.add(after)
	o.again = again.duration()
}

// publish brings one profile of a Cluster in line with it, if the profile is this publisher's to write. From the look at the
// profile to the last write nothing else in this process decides on it, and every write is for the version that was seen.
func (r *Reconciler) publish(ctx context.Context, view *view, cluster *clusterv1.Cluster, claim profile.Claim) (outcome, error) {
	unlock := r.lock(claim.Profile)
	defer unlock()
	live, wait, err := r.look(ctx, claim.Profile, client.ObjectKeyFromObject(cluster))
	if err != nil {
		return failed(err)
	}
	if wait > 0 {
		return outcome{keep: true, again: wait}, nil
	}
	if done, end, err := r.obstacle(ctx, view, cluster, claim.Profile, live); end {
		return done, err
	}
	facts, known, again, err := r.facts(ctx, cluster, claim.Inventory, live)
	if err != nil {
		return failed(fmt.Errorf("gathering facts: %w", err))
	}
	if !known {
		return outcome{keep: true, again: time.Second}, nil
	}
	done, err := r.apply(ctx, claim, facts)
	done.wait(again)
	if len(facts.Waiting) > 0 {
		done.wait(lookAgainForObjects)
	}
	return done, err
}

func (r *Reconciler) lock(key types.NamespacedName) (unlock func()) {
	id := key.String()
	r.locks.LockKey(id)
	return func() {
		if err := r.locks.UnlockKey(id); err != nil {
			panic(fmt.Sprintf("publisher: unlocking what was locked: %v", err))
		}
	}
}

// look returns a profile as it is; nil where there is none. A cache that does not show this process' last write yet is waited
// for, and in the end passed by.
func (r *Reconciler) look(ctx context.Context, key, cluster types.NamespacedName) (live *profile.Live, wait time.Duration, err error) {
	live, err = r.profile(ctx, r.client, key)
	if err != nil {
		return nil, 0, err
	}
	if _, behind := r.writes.behind(key, live); !behind {
		return live, 0, nil
	}
	r.waiters.add(key, cluster)
	if live, err = r.profile(ctx, r.client, key); err != nil {
		return nil, 0, err
	}
	left, behind := r.writes.behind(key, live)
	if !behind || left > 0 {
		return live, left, nil
	}
	live, err = r.profile(ctx, r.live, key)
	return live, 0, err
}

// profile reads a profile; nil where there is none.
func (r *Reconciler) profile(ctx context.Context, from client.Reader, key types.NamespacedName) (*profile.Live, error) {
	live := &inventoryv1alpha1.ClusterProfile{}
	if err := from.Get(ctx, key, live); notFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("reading ClusterProfile %s: %w", key, err)
	}
	return profile.Read(live)
}

// obstacle reports whether something keeps a profile from being written, and what.
func (r *Reconciler) obstacle(ctx context.Context, view *view, cluster *clusterv1.Cluster, key types.NamespacedName, live *profile.Live) (outcome, bool, error) {
	switch standing := r.standing(view, live, cluster); {
	case standing == profile.Foreign:
		// Its name is taken as soon as it is free.
		again, err := r.await(ctx, live, client.ObjectKeyFromObject(cluster))
		return outcome{problems: []profile.Problem{profile.ForeignProblem(live, r.options.ClusterManager)}, again: again}, true, err
	case standing == profile.Outlived:
		// Its successor is published when it is gone.
		again, err := r.await(ctx, live, client.ObjectKeyFromObject(cluster))
		if err != nil {
			done, err := failed(err)
			return done, true, err
		}
		done, err := r.replace(ctx, live, cluster)
		done.wait(again)
		return done, true, err
	case live != nil && !live.DeletionTimestamp.IsZero():
		// Somebody has deleted it and a consumer's finalizer holds it: it is created again when it is gone.
		again, err := r.await(ctx, live, client.ObjectKeyFromObject(cluster))
		stuck, wait := r.stuck(live)
		done := outcome{problems: stuck, again: wait}
		done.wait(again)
		return done, true, err
	}
	problem, err := r.namespaceProblem(ctx, key.Namespace)
	if err != nil {
		done, err := failed(err)
		return done, true, err
	}
	if problem != nil {
		return outcome{problems: []profile.Problem{*problem}}, true, nil
	}
	return outcome{}, false, nil
}

// await wakes a Cluster at the next event of a profile. An event that came between the look at the profile and this call has woken
// nobody: then the Cluster looks again soon.
func (r *Reconciler) await(ctx context.Context, seen *profile.Live, cluster types.NamespacedName) (again time.Duration, err error) {
	key := client.ObjectKeyFromObject(seen)
	r.waiters.add(key, cluster)
	now, err := r.profile(ctx, r.client, key)
	if err != nil || now != nil && now.ResourceVersion == seen.ResourceVersion {
		return 0, err
	}
	return time.Second, nil
}

// standing is what a live profile is to a Cluster. One that the Inventory of another publisher class has published is foreign.
func (r *Reconciler) standing(view *view, live *profile.Live, cluster *clusterv1.Cluster) profile.Ownership {
	standing := profile.OwnershipOf(live, r.options.ClusterManager, cluster)
	if standing == profile.Absent || standing == profile.Foreign {
		return standing
	}
	if _, inventory, owned := live.Source(); owned {
		if _, others := view.others[inventory]; others {
			return profile.Foreign
		}
	}
	return standing
}

// namespaceProblem says why nothing can be published into a namespace; nil where nothing is in the way.
func (r *Reconciler) namespaceProblem(ctx context.Context, name string) (*profile.Problem, error) {
	namespace, err := r.namespace(ctx, name)
	if err != nil {
		return nil, err
	}
	var problem profile.Problem
	switch {
	case namespace == nil:
		problem = profile.NewProblem(v1alpha1.ProblemNamespaceMissing, "the namespace %q does not exist; create it, and the profiles follow", name)
	case !namespace.DeletionTimestamp.IsZero():
		problem = profile.NewProblem(v1alpha1.ProblemNamespaceTerminating, "the namespace %q is being deleted; choose another one, or create it again when it is gone", name)
	default:
		return nil, nil
	}
	return &problem, nil
}

// facts gathers what the core needs to know; false where that is not known yet. again is when to look again at what no event
// reports.
func (r *Reconciler) facts(ctx context.Context, cluster *clusterv1.Cluster, inventory *profile.Inventory, live *profile.Live) (facts profile.Facts, known bool, again time.Duration, err error) {
	facts = profile.Facts{Manager: r.options.ClusterManager, Cluster: cluster, Published: live, Now: r.options.Clock.Now(), Waiting: map[string]profile.Unknown{}}
	facts.ClusterAPIDown = r.liveness.down(live)
	for _, object := range []struct {
		variable string
		used     bool
		ref      clusterv1.ContractVersionedObjectReference
		into     *map[string]any
	}{
		{cel.ControlPlane, inventory.UsesControlPlane(cluster), cluster.Spec.ControlPlaneRef, &facts.ControlPlane},
		{cel.Infrastructure, inventory.Uses(cel.Infrastructure), cluster.Spec.InfrastructureRef, &facts.Infrastructure},
	} {
		if !object.used {
			continue
		}
		found, err := r.objects.get(ctx, cluster, object.ref)
		if err != nil || found.wait {
			return facts, false, 0, err
		}
		*object.into = found.object
		if found.unknown.Why != "" {
			facts.Waiting[object.variable] = found.unknown
		}
	}
	facts.Kubeconfigs, again, err = r.secrets.kubeconfigs(ctx, cluster.Namespace, inventory.Secrets(cluster))
	return facts, true, again, err
}
