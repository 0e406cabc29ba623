// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
	"github.com/capi-inventory/capi-inventory/internal/publish/apierror"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// Bind makes the ServiceAccount of a grant and gives it exactly the rights that are asked for. Others that were made for the grant are
// removed first, even where one of the new ones cannot be made: a spoke that is too slow for all of it keeps none of them in force. A right
// that is asked for is not removed because something cannot be read, and none is made of a ClusterRole that cannot be read: it may need
// allowEscalation.
func (s *Spoke) Bind(ctx context.Context, names grant.Names, access v1alpha1.ServiceAccountAccess) error {
	for _, object := range []client.Object{names.SharedNamespace(), names.Account()} {
		if err := s.ensure(ctx, object); err != nil {
			return err
		}
	}
	admitted, unread, refused := s.admit(ctx, access)
	access.ClusterRoles = slices.Concat(admitted, unread)
	rights := names.Rights(access)
	live, err := s.listMade(ctx, names)
	errs := []error{refused, err, s.prune(ctx, live, rights)}
	for _, object := range rights {
		was := live[keyOf(object)]
		if was == nil && slices.Contains(unread, roleOf(object).Name) {
			continue
		}
		errs = append(errs, s.ensureRight(ctx, was, object))
	}
	return errors.Join(errs...)
}

// admit returns which of the ClusterRoles may be bound, and of which that is not known. The error has the reason for each other one.
func (s *Spoke) admit(ctx context.Context, access v1alpha1.ServiceAccountAccess) (admitted, unread []string, refused error) {
	var errs []error
	for _, role := range access.ClusterRoles {
		escalates, err := s.escalates(ctx, role)
		errs = append(errs, err)
		switch {
		case access.AllowEscalation:
			admitted = append(admitted, role)
		case err != nil:
			unread = append(unread, role)
		case escalates:
			errs = append(errs, failure.New(v1alpha1.ReasonEscalation,
				"the ClusterRole %q of the spoke gives every right, which needs allowEscalation: true", role))
		default:
			admitted = append(admitted, role)
		}
	}
	return admitted, unread, errors.Join(errs...)
}

// escalates reports whether a ClusterRole of the spoke gives every right.
func (s *Spoke) escalates(ctx context.Context, name string) (bool, error) {
	role := &rbacv1.ClusterRole{}
	err := s.client.Get(ctx, client.ObjectKey{Name: name}, role)
	return err == nil && grant.GrantsEverything(role.Rules), s.failed(fmt.Sprintf("reading the ClusterRole %q", name), err)
}

// ensureRight brings a right in line with what is wanted. live is what was listed; nil for one that is missing, or that has not the label.
func (s *Spoke) ensureRight(ctx context.Context, live, want client.Object) error {
	if live != nil {
		return s.update(ctx, live, want)
	}
	err := s.client.Create(ctx, want)
	if apierrors.IsAlreadyExists(err) {
		return s.ensure(ctx, want)
	}
	return s.failed(making(want), err)
}

// ensure brings an object in line with what is wanted.
func (s *Spoke) ensure(ctx context.Context, want client.Object) error {
	live, _ := reflect.New(reflect.TypeOf(want).Elem()).Interface().(client.Object)
	switch err := s.client.Get(ctx, client.ObjectKeyFromObject(want), live); {
	case apierror.IsNotFound(err):
		return s.failed(making(want), s.client.Create(ctx, want))
	case err != nil:
		return s.failed(making(want), err)
	}
	return s.update(ctx, live, want)
}

// update changes an object that exists to what is wanted. One that has not its label was made by somebody else, and is left alone.
func (s *Spoke) update(ctx context.Context, live, want client.Object) error {
	switch {
	case !isOwn(live, want):
		return failure.New(v1alpha1.ReasonForeignObject,
			"the %s %s exists on the spoke and was not made by this broker for this grant", kindOf(want), client.ObjectKeyFromObject(want))
	case !adjust(live, want):
		return nil
	}
	return s.failed(making(want), s.client.Update(ctx, live))
}

func making(want client.Object) string {
	return fmt.Sprintf("making the %s %s", kindOf(want), client.ObjectKeyFromObject(want))
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

// adjust changes a live object to what is wanted, and reports whether it differed. A binding of another role does not come here: see keyOf.
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

// prune deletes the rights that were made for a grant, except for those to keep. One that cannot be deleted keeps no other.
func (s *Spoke) prune(ctx context.Context, live made, keep []client.Object) error {
	kept := map[string]bool{}
	for _, object := range keep {
		kept[keyOf(object)] = true
	}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(live)) {
		if !kept[key] {
			errs = append(errs, s.delete(ctx, live[key]))
		}
	}
	return errors.Join(errs...)
}

// delete deletes the very object that was read.
func (s *Spoke) delete(ctx context.Context, live client.Object) error {
	uid, version := live.GetUID(), live.GetResourceVersion()
	err := s.client.Delete(ctx, live, client.Preconditions{UID: &uid, ResourceVersion: &version})
	if apierror.IsNotFound(err) {
		return nil
	}
	return s.failed(fmt.Sprintf("deleting the %s %s", kindOf(live), client.ObjectKeyFromObject(live)), err)
}

func kindOf(object client.Object) string { return reflect.TypeOf(object).Elem().Name() }
