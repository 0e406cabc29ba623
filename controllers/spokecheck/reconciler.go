// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
)

// What is checked.
// +kubebuilder:rbac:groups=multicluster.x-k8s.io,resources=clusterprofiles,verbs=get;list;watch
//
// Server-side apply of a new object is a create, of an existing one a patch; checks without a profile are deleted.
// +kubebuilder:rbac:groups=capi-inventory.dev,resources=spokechecks,verbs=get;list;watch;create;patch;delete
//
// The status is applied by itself.
// +kubebuilder:rbac:groups=capi-inventory.dev,resources=spokechecks/status,verbs=patch
//
// A transition is also an Event, and repeated ones are aggregated by a patch.
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
//
// Metrics are served to clients only that the hub allows to read them.
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// Reconciler writes the SpokeChecks. Add it to a manager with Add.
type Reconciler struct {
	// Client reads from the manager's cache and writes to the hub.
	Client client.Client
	// Live reads from the hub: a check is not deleted on the word of a cache.
	Live client.Reader
	// Recorder writes transitions as Events on the profile.
	Recorder events.EventRecorder
	// Clock is the time of every decision.
	Clock clock.WithTicker
	// Checker dials spokes.
	Checker Checker
	// Options are the administrator's choices.
	Options Options

	scheduler *scheduler
}

// Options are the administrator's choices for a Reconciler. All fields but Filter are required.
type Options struct {
	// Name is this instance's name, and the field manager of what it writes.
	Name string
	// Filter selects the profiles to watch.
	Filter Filter
	// Interval is the time between two probes of a spoke that is reachable; see scheduler for the others.
	Interval time.Duration
	// Heartbeat is the time after which a SpokeCheck is written although nothing changed.
	Heartbeat time.Duration
	// Concurrency is the measure of how many spokes are probed at once; see scheduler.
	Concurrency int
}

func (o *Options) pace() pace { return pace{interval: o.Interval, heartbeat: o.Heartbeat} }

// Reconcile writes the last result of a spoke to the SpokeCheck of its profile.
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
		r.scheduler.forget(request.NamespacedName)
		return ctrl.Result{}, r.withdraw(ctx, &check)
	}
	owner := ownerOf(&check).UID
	var before v1alpha1.SpokeCheckStatus
	if owner == profile.UID {
		before = check.Status
	}
	r.scheduler.track(&profile, before)
	if owner != "" && owner != profile.UID {
		// The profile was deleted and created again; its check is another one, with another history. The deletion requeues it.
		return ctrl.Result{}, r.delete(ctx, &check)
	}
	latest, ok := r.scheduler.latest(request.NamespacedName)
	if !ok {
		return ctrl.Result{}, nil // The first result requeues it.
	}
	return ctrl.Result{}, r.report(ctx, &profile, &check, latest)
}

// report writes a result if it differs from the last report, or that is old. A check without a name does not exist yet.
func (r *Reconciler) report(
	ctx context.Context, profile *inventoryv1alpha1.ClusterProfile, check *v1alpha1.SpokeCheck, latest result,
) error {
	if check.Name == "" && !profile.DeletionTimestamp.IsZero() {
		return nil // A namespace that is being deleted takes no new objects.
	}
	if err := r.identify(ctx, profile, check); err != nil {
		return err
	}
	report := spoke.Report{Profile: profile, Result: latest.Result, At: latest.at}
	status := report.Status(check.Status, latest.expirations)
	status.HeartbeatSeconds = r.Options.pace().heartbeatSeconds()
	// The next probe may be too late for the heartbeat.
	inTime := latest.next.Sub(check.Status.Probed(latest.at)) <= r.Options.pace().heartbeatPeriod()
	if inTime && equalStatus(check.Status, status) {
		return nil
	}
	written, err := r.apply(ctx, profile, check, status)
	if err != nil || !written {
		return err
	}
	changed := transitions(check.Status, status)
	if len(changed) > 0 && r.scheduler.markNotified(client.ObjectKeyFromObject(profile), latest) {
		for _, condition := range changed {
			r.announce(profile, condition)
		}
	}
	return nil
}

// announce reports each change of the reason of Reachable, Normal where the spoke is reachable, and ExpiresSoon and Expired once each.
func (r *Reconciler) announce(profile *inventoryv1alpha1.ClusterProfile, condition metav1.Condition) {
	r.Recorder.Eventf(profile, nil, eventType(condition), condition.Reason, "Probe", "%s", condition.Message)
}

func eventType(condition metav1.Condition) string {
	if condition.Type == v1alpha1.ConditionReachable && condition.Status == metav1.ConditionTrue {
		return corev1.EventTypeNormal
	}
	return corev1.EventTypeWarning
}
