// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/source"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// reconciler fulfils one AccessGrant at a time.
type reconciler struct {
	Options
	// hub identifies this hub and publisher class on spokes.
	hub string
	// client reads from the cache, live from the API server.
	client      client.Client
	live        client.Reader
	recorder    events.EventRecorder
	inventories *source.Inventories
	metrics     *metrics
	lanes       *lanes
	retries     *retries
	rewrites    *rewrites
	spokes      *busySpokes
}

// Reconcile does what is next for a grant, and reports it.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	cached := &v1alpha1.AccessGrant{}
	if err := r.client.Get(ctx, req.NamespacedName, cached); apierrors.IsNotFound(err) {
		r.retries.forget(req.NamespacedName)
		r.rewrites.forget(req.NamespacedName)
		r.lanes.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading the AccessGrant: %w", err)
	}
	if !r.serves(cached) {
		return ctrl.Result{}, nil
	}
	due, err := r.due(ctx, r.client, cached)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !due {
		return r.rest(cached), nil
	}
	if left := r.retries.left(cached); left > 0 {
		return r.wait(ctx, cached, left)
	}
	leave, entered := r.lanes.enter(req.NamespacedName, isAway(cached))
	if !entered {
		return r.wait(ctx, cached, busyRequeue())
	}
	defer leave()
	release, taken := r.spokes.take(clusterKey(cached))
	if !taken {
		return r.wait(ctx, cached, busyRequeue())
	}
	defer release()
	// Again, as it is on the API server: a cache that does not show the broker's own last writes yet would have all of it done twice.
	of := &v1alpha1.AccessGrant{}
	if err := r.live.Get(ctx, req.NamespacedName, of); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if due, err := r.due(ctx, r.live, of); err != nil || !due {
		return r.rest(of), err
	}
	if !of.DeletionTimestamp.IsZero() {
		return r.revoke(ctx, of)
	}
	return r.fulfil(ctx, of)
}

// serves reports whether a grant is this broker's. Another one has made what there is on the spoke for any other grant, under names that
// this one would not find.
func (o Options) serves(of *v1alpha1.AccessGrant) bool {
	return of.Spec.PublisherClass == o.PublisherClass
}

// due reports whether there is anything to do for a grant but to wait, by what a reader has of its Secret.
func (r *reconciler) due(ctx context.Context, from client.Reader, of *v1alpha1.AccessGrant) (bool, error) {
	if !of.DeletionTimestamp.IsZero() {
		return controllerutil.ContainsFinalizer(of, v1alpha1.FinalizerGrant), nil
	}
	secret, key := newSecretMetadata(), secretKey(of)
	if err := from.Get(ctx, key, secret); apierrors.IsNotFound(err) {
		secret = nil
	} else if err != nil {
		return false, fmt.Errorf("reading the metadata of Secret %s: %w", key, err)
	}
	return grant.IsDue(of, secret, r.Clock.Now()) || isDegraded(of) || !isReady(of), nil
}

// rest waits for the next renewal.
func (r *reconciler) rest(of *v1alpha1.AccessGrant) ctrl.Result {
	if !of.DeletionTimestamp.IsZero() {
		return ctrl.Result{}
	}
	renewal := grant.RenewAt(of, of.Status.IssuedAt.Time, of.Status.ExpirationTimestamp.Time)
	return ctrl.Result{RequeueAfter: max(time.Second, renewal.Sub(r.Clock.Now()))}
}

// errTooSlow is why an attempt was given up, wherever it was at that moment: the spoke has taken all of its time.
var errTooSlow = failure.New(v1alpha1.ReasonSpokeUnreachable, "the spoke answers, but too slowly to finish in time")

// fulfil brings spoke and Secret in line with a grant, and reports what came of it. What fails is tried again after a pause.
func (r *reconciler) fulfil(ctx context.Context, of *v1alpha1.AccessGrant) (ctrl.Result, error) {
	before := of.DeepCopy()
	failed, err := r.attempt(ctx, of, r.grant)
	if err != nil {
		return ctrl.Result{}, err
	}
	if failed != nil {
		failed = r.explainFailure(ctx, of, failed)
	}
	r.report(of, failed)
	if err := r.patchStatus(ctx, of, before); err != nil {
		return ctrl.Result{}, err
	}
	r.announce(before, of)
	if failed != nil {
		r.metrics.failed(failed.Reason)
		if failed.Reason != v1alpha1.ReasonContested {
			r.retries.begin(of)
		}
		return ctrl.Result{RequeueAfter: r.untilExpiry(of, r.retries.left(of))}, nil
	}
	r.retries.forget(client.ObjectKeyFromObject(of))
	return r.rest(of), nil
}

// attempt does something for a grant within the time that a spoke may take. It returns why that failed, to be reported; or an error where
// the hub did not answer, and nothing is known of the spoke.
func (r *reconciler) attempt(
	ctx context.Context, of *v1alpha1.AccessGrant, do func(context.Context, *v1alpha1.AccessGrant) error,
) (*failure.Error, error) {
	bounded, cancel := context.WithTimeout(ctx, maxRequests*r.Spokes.Timeout)
	defer cancel()
	err := do(bounded, of)
	var failed *failure.Error
	switch {
	case ctx.Err() != nil:
		// The broker is stopping, which says nothing about the spoke.
		return nil, ctx.Err()
	case err == nil:
		return nil, nil
	case bounded.Err() != nil:
		return errTooSlow, nil
	case errors.As(err, &failed):
		return failed, nil
	}
	return nil, err
}

// grant does what is next: roles first, then a token where one is needed, then its proof, then the Secret.
func (r *reconciler) grant(ctx context.Context, of *v1alpha1.AccessGrant) error {
	if err := r.authorize(ctx, of); err != nil {
		return err
	}
	names := grant.NamesOf(r.hub, client.ObjectKeyFromObject(of))
	if err := r.holdByFinalizer(ctx, of); err != nil {
		return err
	}
	if err := r.recordUser(ctx, of, names); err != nil {
		return err
	}
	spoke, err := r.open(ctx, of)
	if err != nil {
		return err
	}
	defer spoke.Close()
	secret, err := r.ownSecret(ctx, of)
	if err != nil {
		return err
	}
	if err := spoke.Bind(ctx, names, of.Spec.ServiceAccount); err != nil {
		return err
	}
	token, err := r.token(ctx, of, secret, spoke)
	if err != nil {
		return err
	}
	version, err := r.writeSecret(ctx, of, secret, newSecret{names: names, at: spoke.Endpoint, token: token})
	if err != nil {
		return err
	}
	written := secret == nil || secret.ResourceVersion != version
	putBack := written && grant.InForce(of, r.Clock.Now())
	of.Status.ObservedGeneration = of.Generation
	of.Status.Secret = &v1alpha1.GrantedSecret{
		Name:            profile.GrantedSecretName(of.Name),
		Key:             profile.GrantedSecretKey,
		ResourceVersion: version,
	}
	of.Status.Endpoint = spoke.Endpoint.Digest()
	of.Status.IssuedAt, of.Status.ExpirationTimestamp = metav1.NewTime(token.Issued), metav1.NewTime(token.Expires)
	if putBack {
		return r.contested(of)
	}
	return nil
}

// holdByFinalizer has the grant stay, once it is deleted, until the spoke is free of what is made for it.
func (r *reconciler) holdByFinalizer(ctx context.Context, of *v1alpha1.AccessGrant) error {
	before := of.DeepCopy()
	if !controllerutil.AddFinalizer(of, v1alpha1.FinalizerGrant) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.client.Patch(ctx, of, patch, client.FieldOwner(FieldManager)); err != nil {
		return fmt.Errorf("adding the finalizer: %w", err)
	}
	return nil
}

// recordUser records, before anything is made on the spoke, that something is going to be: only then is there anything to revoke. A user
// who may create grants may put the finalizer on one that no Inventory asks for, but cannot write a status.
func (r *reconciler) recordUser(ctx context.Context, of *v1alpha1.AccessGrant, names grant.Names) error {
	before := of.DeepCopy()
	of.Status.User = names.User()
	return r.patchStatus(ctx, of, before)
}
