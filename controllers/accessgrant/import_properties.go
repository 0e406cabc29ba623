// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/property"
	"github.com/capi-inventory/capi-inventory/internal/broker/remote"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// errBusy says that something is changing at this moment, and that another attempt will do.
var errBusy = errors.New("the AccessGrant is being changed")

// importer publishes what spokes say of themselves on their profiles, with the access that the AccessGrant of the provider
// v1alpha1.ProviderClusterProperties gives.
type importer struct {
	grants  *reconciler
	lanes   *lanes
	retries *retries
	polls   *polls
}

func newImporter(grants *reconciler) *importer {
	return &importer{
		grants:  grants,
		lanes:   newLanes(grants.Concurrency, grants.Clock, grants.Spokes.Timeout),
		retries: newRetries(grants.Clock),
		polls:   newPolls(),
	}
}

// Reconcile looks at the spoke of a grant, if it is time to.
func (i *importer) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	of := &v1alpha1.AccessGrant{}
	if err := i.grants.client.Get(ctx, req.NamespacedName, of); apierrors.IsNotFound(err) {
		i.polls.forget(req.NamespacedName)
		i.retries.forget(req.NamespacedName)
		i.lanes.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	} else if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading the AccessGrant: %w", err)
	}
	if !of.DeletionTimestamp.IsZero() || !isReady(of) || of.Status.Secret == nil {
		// There is an event when that changes.
		i.polls.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if left := i.left(of); left > 0 {
		return ctrl.Result{RequeueAfter: left}, nil
	}
	away := reasonOf(of, v1alpha1.ConditionPropertiesImported) == v1alpha1.ReasonSpokeUnreachable
	leave, entered := i.lanes.enter(req.NamespacedName, away)
	if !entered {
		return ctrl.Result{RequeueAfter: busyRequeue()}, nil
	}
	defer leave()
	return i.poll(ctx, of)
}

// left returns how long to wait for the next look at the spoke of a grant; zero or less if it is time. With another Secret it always is.
func (i *importer) left(of *v1alpha1.AccessGrant) time.Duration {
	last, known := i.polls.of(of)
	if !known {
		return 0
	}
	return max(i.retries.left(of), last.next.Sub(i.grants.Clock.Now()))
}

// poll publishes what the spoke says of itself, and reports what came of that.
func (i *importer) poll(ctx context.Context, cached *v1alpha1.AccessGrant) (ctrl.Result, error) {
	of := cached.DeepCopy()
	skipped, err := i.importProperties(ctx, of)
	var failed *failure.Error
	if errors.As(err, &failed) {
		err = nil
	}
	if err == nil {
		i.report(of, failed, skipped)
		err = i.grants.patchStatus(ctx, of, cached)
	}
	if errors.Is(err, errBusy) || apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: busyRequeue()}, nil
	}
	if err != nil {
		// The hub did not answer, or the broker is stopping: nothing is known of the spoke.
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	return ctrl.Result{RequeueAfter: i.pause(of, failed)}, nil
}

// pause returns how long to wait for the next look at the spoke of a grant.
func (i *importer) pause(of *v1alpha1.AccessGrant, failed *failure.Error) time.Duration {
	if failed != nil {
		i.grants.metrics.importFailures.WithLabelValues(failed.Reason).Inc()
		i.retries.begin(of)
		return i.retries.left(of)
	}
	i.retries.forget(client.ObjectKeyFromObject(of))
	pause := i.grants.PollInterval + rand.N(i.grants.PollInterval/4+1) //nolint:gosec // no secret depends on it
	i.polls.next(of, i.grants.Clock.Now().Add(pause))
	return pause
}

// importProperties does what poll reports on. skipped says what of the spoke's properties was left out.
func (i *importer) importProperties(ctx context.Context, of *v1alpha1.AccessGrant) (skipped string, err error) {
	said, err := i.ask(ctx, of)
	if err != nil {
		return "", err
	}
	if err := i.identify(ctx, of, said.ID); err != nil {
		return "", err
	}
	return i.publish(ctx, of, said)
}

// ask returns what the spoke of a grant says of itself.
func (i *importer) ask(ctx context.Context, of *v1alpha1.AccessGrant) (property.Spoke, error) {
	kubeconfig, err := i.kubeconfig(ctx, of)
	if err != nil {
		return property.Spoke{}, err
	}
	spoke, err := remote.Open(kubeconfig, i.grants.Spokes)
	if err != nil {
		return property.Spoke{}, err
	}
	defer spoke.Close()
	bounded, cancel := context.WithTimeout(ctx, i.grants.Spokes.Timeout)
	defer cancel()
	said, err := spoke.Describe(bounded)
	if ctx.Err() != nil {
		return property.Spoke{}, ctx.Err()
	}
	return said, err
}

// kubeconfig returns the one that was proven last. The hub is asked for it once for each version of the Secret.
func (i *importer) kubeconfig(ctx context.Context, of *v1alpha1.AccessGrant) ([]byte, error) {
	if last, known := i.polls.of(of); known {
		return last.kubeconfig, nil
	}
	secret, err := i.grants.ownSecret(ctx, of)
	if err != nil {
		return nil, err
	}
	if secret == nil || secret.ResourceVersion != of.Status.Secret.ResourceVersion {
		return nil, errBusy
	}
	kubeconfig := secret.Data[profile.GrantedSecretKey]
	i.polls.set(of, poll{secret: secret.ResourceVersion, kubeconfig: kubeconfig})
	return kubeconfig, nil
}

// identify returns an error if the spoke is another cluster than the one whose properties were imported first.
func (i *importer) identify(ctx context.Context, of *v1alpha1.AccessGrant, id string) error {
	switch known := of.Status.ClusterID; known {
	case id:
		return nil
	case "":
		before := of.DeepCopy()
		of.Status.ClusterID = id
		return i.grants.patchStatus(ctx, of, before)
	default:
		return failure.New(v1alpha1.ReasonWrongCluster, "the server belongs to the cluster %q, and the properties on the profile are "+
			"those of %q; if the spoke was rebuilt, delete this AccessGrant", id, known)
	}
}

// report sets the condition of a grant.
func (i *importer) report(of *v1alpha1.AccessGrant, failed *failure.Error, skipped string) {
	set := func(status metav1.ConditionStatus, reason, message string) {
		i.grants.set(of, v1alpha1.ConditionPropertiesImported, status, reason, message)
	}
	switch {
	case failed != nil:
		set(metav1.ConditionFalse, failed.Reason, failed.Message)
	case skipped != "":
		set(metav1.ConditionFalse, v1alpha1.ReasonPropertiesSkipped, "Left out: "+skipped)
	default:
		set(metav1.ConditionTrue, v1alpha1.ReasonImported, "What the spoke says of itself is on its profile.")
	}
}
