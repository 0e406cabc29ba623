// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
	"github.com/capi-inventory/capi-inventory/internal/broker/remote"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// secretKey is where the Secret of a grant is.
func secretKey(of *v1alpha1.AccessGrant) types.NamespacedName {
	return types.NamespacedName{Namespace: of.Namespace, Name: profile.GrantedSecretName(of.Name)}
}

// ownSecret reads the Secret of a grant from the API server; nil if there is none. One of another author is an error.
func (r *reconciler) ownSecret(ctx context.Context, of *v1alpha1.AccessGrant) (*corev1.Secret, error) {
	key, secret := secretKey(of), &corev1.Secret{}
	switch err := r.live.Get(ctx, key, secret); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading the Secret %s: %w", key, err)
	case !grant.IsOwn(secret, of):
		return nil, failure.New(v1alpha1.ReasonForeignObject,
			"the Secret %s exists and was not made by the broker for this grant; rename or delete it", key)
	}
	return secret, nil
}

// token returns the token of the Secret if it is still of use, else another one that the spoke has issued and accepted.
func (r *reconciler) token(
	ctx context.Context, of *v1alpha1.AccessGrant, secret *corev1.Secret, spoke *remote.Spoke,
) (grant.Token, error) {
	if token, kept := r.presentToken(ctx, of, secret, spoke); kept {
		return token, nil
	}
	names := grant.NamesOf(r.hub, client.ObjectKeyFromObject(of))
	token, err := spoke.Issue(ctx, names, of.Spec.ServiceAccount.TokenTTL.Duration, r.Clock.Now())
	if err != nil {
		return grant.Token{}, err
	}
	if err := spoke.Prove(ctx, names, token.Value); err != nil {
		return grant.Token{}, err
	}
	r.metrics.issued.Inc()
	return token, nil
}

// presentToken returns the token of the Secret if it is still of use: it was made for the spoke's present endpoint, it is current, and the
// spoke accepts it now. That it has accepted it before says little: its ServiceAccount may have been deleted and made again since.
func (r *reconciler) presentToken(
	ctx context.Context, of *v1alpha1.AccessGrant, secret *corev1.Secret, spoke *remote.Spoke,
) (grant.Token, bool) {
	if secret == nil {
		return grant.Token{}, false
	}
	token, found := grant.TokenIn(secret, spoke.Endpoint)
	if !found || !grant.IsCurrent(of, token.Issued, token.Expires, r.Clock.Now()) {
		return grant.Token{}, false
	}
	names := grant.NamesOf(r.hub, client.ObjectKeyFromObject(of))
	return token, spoke.Prove(ctx, names, token.Value) == nil
}

// newSecret is what a Secret is made of.
type newSecret struct {
	names grant.Names
	at    endpoint.Endpoint
	token grant.Token
}

// writeSecret writes the Secret of a grant, unless that would change nothing, and returns its version. Labels, annotations, finalizers and
// further owners are other writers' business.
func (r *reconciler) writeSecret(ctx context.Context, of *v1alpha1.AccessGrant, live *corev1.Secret, what newSecret) (string, error) {
	secret, err := what.names.Secret(of, what.at, what.token)
	if err != nil {
		return "", err
	}
	if live != nil {
		made := secret
		secret = live.DeepCopy()
		secret.Labels, secret.Annotations = labels.Merge(live.Labels, made.Labels), labels.Merge(live.Annotations, made.Annotations)
		secret.Data = made.Data
		if equality.Semantic.DeepEqual(live, secret) {
			return live.ResourceVersion, nil
		}
	}
	err = r.replaceSecret(ctx, live, secret)
	if refused := secretRefused(secretKey(of), err); refused != nil {
		return "", refused
	}
	if err != nil {
		return "", fmt.Errorf("writing the Secret %s: %w", secretKey(of), err)
	}
	return secret.ResourceVersion, nil
}

// replaceSecret writes a Secret in place of the live one, nil for none. Another writer may have made that immutable: then it is deleted and
// made again.
func (r *reconciler) replaceSecret(ctx context.Context, live, secret *corev1.Secret) error {
	switch {
	case live == nil:
		return r.client.Create(ctx, secret, client.FieldOwner(FieldManager))
	case !ptr.Deref(live.Immutable, false):
		return r.client.Update(ctx, secret, client.FieldOwner(FieldManager))
	}
	unchanged := client.Preconditions{UID: &live.UID, ResourceVersion: &live.ResourceVersion}
	if err := r.client.Delete(ctx, live, unchanged); client.IgnoreNotFound(err) != nil {
		return err
	}
	secret.ResourceVersion, secret.UID, secret.Immutable = "", "", nil
	err := r.client.Create(ctx, secret, client.FieldOwner(FieldManager))
	if apierrors.IsAlreadyExists(err) {
		return failure.New(v1alpha1.ReasonSecretNotWritten,
			"the Secret %s is immutable, and its finalizers keep it from being deleted and made again", client.ObjectKeyFromObject(secret))
	}
	return err
}

// deleteSecret deletes the Secret of a grant, if the broker has made it.
func (r *reconciler) deleteSecret(ctx context.Context, of *v1alpha1.AccessGrant) error {
	key, secret := secretKey(of), &corev1.Secret{}
	switch err := r.live.Get(ctx, key, secret); {
	case apierrors.IsNotFound(err) || err == nil && !grant.IsOwn(secret, of):
		return nil
	case err != nil:
		return fmt.Errorf("reading the Secret %s: %w", key, err)
	}
	err := client.IgnoreNotFound(r.client.Delete(ctx, secret, client.Preconditions{UID: &secret.UID}))
	if refused := secretRefused(key, err); refused != nil {
		return refused
	}
	if err != nil {
		return fmt.Errorf("deleting the Secret %s: %w", key, err)
	}
	return nil
}

// secretRefused returns what to report where the hub refuses a write of a Secret, now and each time again; nil for any other error.
func secretRefused(key types.NamespacedName, err error) error {
	if !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
		return nil
	}
	return failure.New(v1alpha1.ReasonSecretNotWritten,
		"the hub refuses the Secret %s (%s); the broker needs a Role in this namespace that lets it write Secrets, and no quota or policy "+
			"may refuse them",
		key, apierrors.ReasonForError(err))
}
