// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"errors"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// failed is the outcome of a pass that an error ended: what was known before is kept, and the error is reported.
func failed(err error) (outcome, error) {
	return outcome{keep: true, problems: []profile.Problem{problemOf(err)}}, err
}

// problemOf makes a problem of an error: WriteRefused for what is invalid, and for what rights, a quota or an admission policy
// forbid; PublishFailed for all that may pass by itself.
func problemOf(err error) profile.Problem {
	forbidden := apierrors.IsForbidden(err) && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
	if forbidden || apierrors.IsInvalid(err) {
		return profile.NewProblem(v1alpha1.ProblemWriteRefused, "%v", err)
	}
	return profile.NewProblem(v1alpha1.ProblemPublishFailed, "%v", err)
}

// lostRace reports whether a write was refused because the object is not, or no longer, the one that was read. The API server
// says so by a conflict; where an object of that name was created since, by an immutable metadata.uid; and where it is gone,
// for a status, by not finding it.
func lostRace(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	switch {
	case apierrors.IsConflict(err), notFound(err):
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

// notFound reports whether an object does not exist. That the API server serves no such resource, for the moment or since its
// CustomResourceDefinition is gone, is another thing under the same code: the client makes an error of that answer itself, which
// names the object as well, and keeps as a cause that the API server did not answer with a Status.
func notFound(err error) bool {
	return apierrors.IsNotFound(err) && !apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}
