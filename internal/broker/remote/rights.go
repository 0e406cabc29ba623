// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
)

// maxListed is how many objects of a kind are looked at: more than a grant can have.
const maxListed = 1000

// Bind makes the ServiceAccount of a grant and gives it exactly the rights that are asked for. Others that were made for the grant are
// removed even where one of the new ones cannot be made; a right that is there is not removed because something cannot be read.
func (s *Spoke) Bind(ctx context.Context, names grant.Names, access v1alpha1.ServiceAccountAccess) error {
	for _, object := range []client.Object{names.SharedNamespace(), names.Account()} {
		if err := s.ensure(ctx, object); err != nil {
			return err
		}
	}
	var errs []error
	access.ClusterRoles = slices.DeleteFunc(slices.Clone(access.ClusterRoles), func(role string) bool {
		escalates, err := s.escalates(ctx, role)
		if escalates && !access.AllowEscalation {
			errs = append(errs, fail(v1alpha1.ReasonEscalation,
				"the ClusterRole %q of the spoke gives every right, which needs allowEscalation: true", role))
			return true
		}
		errs = append(errs, err)
		return false
	})
	rights := names.Rights(access)
	for _, object := range rights {
		errs = append(errs, s.ensure(ctx, object))
	}
	return errors.Join(append(errs, s.prune(ctx, names, rights))...)
}

// escalates reports whether a ClusterRole of the spoke gives every right.
func (s *Spoke) escalates(ctx context.Context, name string) (bool, error) {
	role := &rbacv1.ClusterRole{}
	err := s.client.Get(ctx, client.ObjectKey{Name: name}, role)
	return err == nil && grant.GrantsEverything(role.Rules), s.failed(fmt.Sprintf("reading the ClusterRole %q", name), err)
}

// ensure brings an object in line with what is wanted. One that has not its label was made by somebody else, and is left alone.
func (s *Spoke) ensure(ctx context.Context, want client.Object) error {
	doing := fmt.Sprintf("making the %s %s", kindOf(want), client.ObjectKeyFromObject(want))
	live, _ := reflect.New(reflect.TypeOf(want).Elem()).Interface().(client.Object)
	switch err := s.client.Get(ctx, client.ObjectKeyFromObject(want), live); {
	case apierrors.IsNotFound(err):
		return s.failed(doing, s.client.Create(ctx, want))
	case err != nil:
		return s.failed(doing, err)
	case !isOwn(live, want):
		return fail(v1alpha1.ReasonForeignObject,
			"the %s %s exists on the spoke and was not made by this broker for this grant", kindOf(want), client.ObjectKeyFromObject(want))
	}
	if !adjust(live, want) {
		return nil
	}
	return s.failed(doing, s.client.Update(ctx, live))
}

// isOwn reports whether an object has the label with which the wanted one would have been made.
func isOwn(live, want client.Object) bool {
	for _, label := range []string{v1alpha1.LabelGrant, v1alpha1.LabelHub} {
		if live.GetLabels()[label] != want.GetLabels()[label] {
			return false
		}
	}
	return true
}

// adjust changes a live object to what is wanted, and reports whether it differed. The role of a binding follows from its name.
func adjust(live, want client.Object) (changed bool) {
	switch live := live.(type) {
	case *rbacv1.ClusterRole:
		want, _ := want.(*rbacv1.ClusterRole)
		changed = !equality.Semantic.DeepEqual(live.Rules, want.Rules) || live.AggregationRule != nil
		live.Rules, live.AggregationRule = want.Rules, nil
	case *rbacv1.ClusterRoleBinding:
		want, _ := want.(*rbacv1.ClusterRoleBinding)
		changed = !equality.Semantic.DeepEqual(live.Subjects, want.Subjects)
		live.Subjects = want.Subjects
	case *rbacv1.RoleBinding:
		want, _ := want.(*rbacv1.RoleBinding)
		changed = !equality.Semantic.DeepEqual(live.Subjects, want.Subjects)
		live.Subjects = want.Subjects
	}
	return changed
}

// prune deletes the rights that were made for a grant, except for those to keep.
func (s *Spoke) prune(ctx context.Context, names grant.Names, keep []client.Object) error {
	kept := map[string]bool{}
	for _, object := range keep {
		kept[kindOf(object)+client.ObjectKeyFromObject(object).String()] = true
	}
	var errs []error
	for _, list := range []client.ObjectList{&rbacv1.ClusterRoleBindingList{}, &rbacv1.RoleBindingList{}, &rbacv1.ClusterRoleList{}} {
		if err := s.client.List(ctx, list, client.MatchingLabels{v1alpha1.LabelGrant: names.Grant}, client.Limit(maxListed)); err != nil {
			errs = append(errs, s.failed("listing what was made for the grant", err))
			continue
		}
		errs = append(errs, meta.EachListItem(list, func(item runtime.Object) error {
			object, _ := item.(client.Object)
			if kept[kindOf(object)+client.ObjectKeyFromObject(object).String()] {
				return nil
			}
			return s.delete(ctx, object)
		}))
	}
	return errors.Join(errs...)
}

// Revoke removes everything that was made for a grant: the ServiceAccount first, with which every token ends; and the namespace, when
// no other grant of the hub has a ServiceAccount in it.
func (s *Spoke) Revoke(ctx context.Context, names grant.Names) error {
	live := &corev1.ServiceAccount{}
	switch err := s.client.Get(ctx, client.ObjectKeyFromObject(names.Account()), live); {
	case apierrors.IsNotFound(err) || err == nil && !isOwn(live, names.Account()):
	case err != nil:
		return s.failed("reading the ServiceAccount", err)
	default:
		if err := s.delete(ctx, live); err != nil {
			return err
		}
	}
	if err := s.prune(ctx, names, nil); err != nil {
		return err
	}
	return s.revokeNamespace(ctx, names)
}

func (s *Spoke) revokeNamespace(ctx context.Context, names grant.Names) error {
	live := &corev1.Namespace{}
	switch err := s.client.Get(ctx, client.ObjectKey{Name: names.Namespace}, live); {
	case apierrors.IsNotFound(err) || err == nil && !isOwn(live, names.SharedNamespace()):
		return nil
	case err != nil:
		return s.failed("reading the namespace", err)
	}
	others := &corev1.ServiceAccountList{}
	err := s.client.List(ctx, others, client.InNamespace(names.Namespace), client.HasLabels{v1alpha1.LabelGrant}, client.Limit(1))
	if err != nil {
		return s.failed("listing ServiceAccounts", err)
	}
	if len(others.Items) > 0 || !live.DeletionTimestamp.IsZero() {
		return nil
	}
	return s.delete(ctx, live)
}

// delete deletes the very object that was read.
func (s *Spoke) delete(ctx context.Context, live client.Object) error {
	uid, version := live.GetUID(), live.GetResourceVersion()
	err := s.client.Delete(ctx, live, client.Preconditions{UID: &uid, ResourceVersion: &version})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return s.failed(fmt.Sprintf("deleting the %s %s", kindOf(live), client.ObjectKeyFromObject(live)), err)
}

func kindOf(object client.Object) string { return reflect.TypeOf(object).Elem().Name() }
