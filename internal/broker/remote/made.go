// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

const (
	// pageSize is how many objects one answer may hold: with maxBody, each may have 5 KiB.
	pageSize = 200
	// maxPages bounds what is read of a kind: a grant has 544 bindings at most.
	maxPages = 10
)

// made are the rights that were made for a grant, by keyOf.
type made map[string]client.Object

// keyOf returns the kind and the name of a right, and the role of a binding. That cannot be changed: a binding that somebody has made
// again, with another role, is another one, which is to be deleted.
func keyOf(object client.Object) string {
	key := kindOf(object) + " " + client.ObjectKeyFromObject(object).String()
	if role := roleOf(object); role.Name != "" {
		key += " of " + role.Kind + " " + role.Name
	}
	return key
}

// roleOf returns the role that a binding binds; empty for a role.
func roleOf(right client.Object) rbacv1.RoleRef {
	switch binding := right.(type) {
	case *rbacv1.ClusterRoleBinding:
		return binding.RoleRef
	case *rbacv1.RoleBinding:
		return binding.RoleRef
	}
	return rbacv1.RoleRef{}
}

// listMade lists the rights that were made for a grant. With an error it returns those that could be read.
func (s *Spoke) listMade(ctx context.Context, names grant.Names) (made, error) {
	found := made{}
	kinds := []client.ObjectList{&rbacv1.ClusterRoleBindingList{}, &rbacv1.RoleBindingList{}, &rbacv1.ClusterRoleList{}}
	errs := make([]error, 0, len(kinds))
	for _, list := range kinds {
		errs = append(errs, s.failed("listing what was made for the grant", s.addPages(ctx, list, names, found)))
	}
	return found, errors.Join(errs...)
}

// addPages adds all objects of a kind, that of an empty list, that were made for a grant.
func (s *Spoke) addPages(ctx context.Context, list client.ObjectList, names grant.Names, to made) error {
	labelled := client.MatchingLabels{v1alpha1.LabelGrant: names.Grant}
	next := client.Continue("")
	for range maxPages {
		page, _ := list.DeepCopyObject().(client.ObjectList)
		if err := s.client.List(ctx, page, labelled, client.Limit(pageSize), next); err != nil {
			return err
		}
		err := meta.EachListItem(page, func(item runtime.Object) error {
			object, _ := item.(client.Object)
			to[keyOf(object)] = object
			return nil
		})
		if next = client.Continue(page.GetContinue()); err != nil || next == "" {
			return err
		}
	}
	return failure.New(
		v1alpha1.ReasonSpokeRefused,
		"the spoke has more than %d objects of a kind with the label of the grant",
		maxPages*pageSize,
	)
}
