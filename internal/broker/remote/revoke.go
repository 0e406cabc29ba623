// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
	"github.com/capi-inventory/capi-inventory/internal/publish/apierror"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// Revoke removes everything that was made for a grant: the ServiceAccount first, with which every token ends; and the namespace, when
// no other grant of the hub has a ServiceAccount in it.
func (s *Spoke) Revoke(ctx context.Context, names grant.Names) error {
	live := &corev1.ServiceAccount{}
	switch err := s.client.Get(ctx, client.ObjectKeyFromObject(names.Account()), live); {
	case apierror.IsNotFound(err) || err == nil && !isOwn(live, names.Account()):
	case err != nil:
		return s.failed("reading the ServiceAccount", err)
	default:
		if err := s.delete(ctx, live); err != nil {
			return err
		}
	}
	rights, err := s.listMade(ctx, names)
	if err := errors.Join(err, s.prune(ctx, rights, nil)); err != nil {
		return err
	}
	return s.revokeNamespace(ctx, names)
}

func (s *Spoke) revokeNamespace(ctx context.Context, names grant.Names) error {
	live := &corev1.Namespace{}
	switch err := s.client.Get(ctx, client.ObjectKey{Name: names.Namespace}, live); {
	case apierror.IsNotFound(err) || err == nil && !isOwn(live, names.SharedNamespace()):
		return nil
	case err != nil:
		return s.failed("reading the namespace", err)
	}
	others := &corev1.ServiceAccountList{}
	err := s.client.List(ctx, others, client.InNamespace(names.Namespace), client.HasLabels{v1alpha1.LabelGrant}, client.Limit(pageSize))
	if err != nil {
		return s.failed("listing ServiceAccounts", err)
	}
	for i := range others.Items {
		if isOwn(&others.Items[i], names.Account()) {
			return failure.New(v1alpha1.ReasonSpokeRefused, "the spoke says that the ServiceAccount %s is gone, and lists it",
				names.ServiceAccount)
		}
	}
	if len(others.Items) > 0 || !live.DeletionTimestamp.IsZero() {
		return nil
	}
	return s.delete(ctx, live)
}
