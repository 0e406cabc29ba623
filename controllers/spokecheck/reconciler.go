// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// The profiles are what it is about.
// +kubebuilder:rbac:groups=multicluster.x-k8s.io,resources=clusterprofiles,verbs=get;list;watch
//
// Server-side apply of a new object is a create, of an existing one a patch; checks without a profile are deleted.
// +kubebuilder:rbac:groups=capi-inventory.dev,resources=spokechecks,verbs=get;list;watch;create;patch;delete
//
// The status is applied by itself.
// +kubebuilder:rbac:groups=capi-inventory.dev,resources=spokechecks/status,verbs=patch
//
// A spoke that comes or goes is told as an Event, and repeated ones are folded by a patch.
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
//
// Metrics are for those only whom the hub allows to read them.
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// Reconciler keeps the SpokeChecks. Set it up with Setup.
type Reconciler struct {
	// Client reads from the manager's cache and writes to the hub.
	Client client.Client
	// Live reads from the hub: before a check is deleted, the cache's word is not enough.
	Live client.Reader
	// Recorder tells transitions as Events on the profile.
	Recorder events.EventRecorder
	// Clock is the time of every decision.
	Clock clock.WithTicker
	// Observer dials spokes.
	Observer Checker
	// Options are the administrator's choices.
	Options Options

	rounds *scheduler
}

// Options are the administrator's choices for a Reconciler. All fields but Filter are needed.
type Options struct {
	// Name is this instance's name, and the field manager of what it writes.
	Name string
	// Filter says which profiles are watched.
	Filter Filter
	// Interval is the time between two probes of a spoke that works; see rounds for the others.
	Interval time.Duration
	// Heartbeat is how often a SpokeCheck is written although nothing changed.
	Heartbeat time.Duration
	// Workers is the measure of how many spokes are probed at once; see rounds.
	Workers int
}

func (o *Options) pace() pace { return pace{interval: o.Interval, heartbeat: o.Heartbeat} }

// Filter selects profiles; the zero value selects all.
type Filter struct {
	// Selector is for the profile's labels; nil selects all.
	Selector labels.Selector
	// ClusterManager is the name in spec.clusterManager; empty selects all.
	ClusterManager string
}

// Selects says whether a profile is watched.
func (f Filter) Selects(profile *inventoryv1alpha1.ClusterProfile) bool {
	return (f.Selector == nil || f.Selector.Matches(labels.Set(profile.Labels))) &&
		(f.ClusterManager == "" || f.ClusterManager == profile.Spec.ClusterManager.Name)
}

// Reconcile brings the SpokeCheck of one profile in line with what was last seen of its spoke.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var check v1alpha1.SpokeCheck
	if err := r.Client.Get(ctx, request.NamespacedName, &check); client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("reading a SpokeCheck: %w", err)
	}
	var profile inventoryv1alpha1.ClusterProfile
	err := r.Client.Get(ctx, request.NamespacedName, &profile)
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("reading a profile: %w", err)
	}
	if gone := err != nil; gone || !r.Options.Filter.Selects(&profile) {
		r.rounds.forget(request.NamespacedName)
		return ctrl.Result{}, r.withdraw(ctx, &check)
	}
	made := madeFor(&check)
	var before v1alpha1.SpokeCheckStatus
	if made == profile.UID {
		before = check.Status
	}
	r.rounds.track(&profile, before)
	if made != "" && made != profile.UID {
		// The profile was deleted and made anew; its check is another one, with another history. The deletion wakes us.
		return ctrl.Result{}, r.delete(ctx, &check)
	}
	seen, ok := r.rounds.latest(request.NamespacedName)
	if !ok {
		return ctrl.Result{}, nil // The first sighting wakes us.
	}
	return ctrl.Result{}, r.report(ctx, &profile, &check, seen)
}

// report writes down what was seen, where it is news or the last report is old. A check without a name is not there yet.
func (r *Reconciler) report(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile, check *v1alpha1.SpokeCheck, seen result) error {
	if check.Name == "" && !profile.DeletionTimestamp.IsZero() {
		return nil // A namespace that is being deleted takes no new objects.
	}
	if madeFor(check) == "" {
		if err := r.Client.Apply(ctx, identity(profile), client.FieldOwner(r.Options.Name)); err != nil {
			return fmt.Errorf("applying a SpokeCheck: %w", err)
		}
	}
	status := statusOf(profile, check.Status, seen)
	status.HeartbeatSeconds = r.Options.pace().beatSeconds()
	// The next probe may come too late for the heartbeat.
	if same(check.Status, status) && seen.next.Sub(check.Status.Probed(seen.at)) <= r.Options.pace().beat() {
		return nil
	}
	written, err := r.apply(ctx, profile, check, status)
	if err != nil || !written {
		return err
	}
	if told := transitions(check.Status, status); len(told) > 0 && r.rounds.notify(client.ObjectKeyFromObject(profile), seen) {
		for _, condition := range told {
			r.Recorder.Eventf(profile, nil, eventType(condition), condition.Reason, "Probe", "%s", condition.Message)
		}
	}
	return nil
}

// apply writes a status, unless another instance reports on the spoke.
func (r *Reconciler) apply(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile, check *v1alpha1.SpokeCheck, status v1alpha1.SpokeCheckStatus) (written bool, err error) {
	owner := client.FieldOwner(r.Options.Name)
	err = r.Client.Status().Apply(ctx, statusConfiguration(profile, status), owner)
	if apierrors.IsConflict(err) {
		if !check.Status.Silent(r.Clock.Now(), r.Options.pace().beat()) {
			logf.FromContext(ctx).V(1).Info("Another instance reports on this spoke and sees it differently", "reason", reachable(status).Reason)
			return false, nil
		}
		err = r.Client.Status().Apply(ctx, statusConfiguration(profile, status), owner, client.ForceOwnership)
	}
	if err != nil {
		return false, fmt.Errorf("applying the status of a SpokeCheck: %w", err)
	}
	return true, nil
}

func eventType(condition metav1.Condition) string {
	if condition.Type == v1alpha1.ConditionReachable && condition.Status == metav1.ConditionTrue {
		return corev1.EventTypeNormal
	}
	return corev1.EventTypeWarning
}
