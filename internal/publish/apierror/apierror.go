// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package apierror interprets errors of the hub's API server where one status code stands for several things, of which only one
// permits a conclusion: an object that does not exist, and a kind that is not served, are both "not found".
package apierror

import (
	"errors"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// IsNotFound reports whether an object does not exist. An API server that does not serve the resource, temporarily or since its
// CustomResourceDefinition is gone, answers with the same code: the client makes an error of that answer itself, which names the
// object as well, and keeps as a cause that the answer was not a Status.
func IsNotFound(err error) bool {
	return apierrors.IsNotFound(err) && !apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// IsLostRace reports whether a write was refused because the object is not, or no longer, the one that was read. The API server
// answers with a conflict; where an object of that name was created since, with an immutable metadata.uid; and where it is gone,
// for a status, with not found.
func IsLostRace(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	switch {
	case apierrors.IsConflict(err), IsNotFound(err):
		return true
	case apierrors.IsInvalid(err) && details != nil:
		for _, cause := range details.Causes {
			if cause.Field == "metadata.uid" && cause.Type == metav1.CauseTypeFieldValueInvalid {
				return true
			}
		}
	}
	return false
}

// Problem returns an error as a problem: WriteRefused for what is invalid, and for what rights, a quota or an admission policy
// forbid; PublishFailed for everything that may pass by itself.
func Problem(err error) profile.Problem {
	forbidden := apierrors.IsForbidden(err) && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
	if forbidden || apierrors.IsInvalid(err) {
		return profile.NewProblem(v1alpha1.ProblemWriteRefused, "%v", err)
	}
	return profile.NewProblem(v1alpha1.ProblemPublishFailed, "%v", err)
}
