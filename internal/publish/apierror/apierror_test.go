// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package apierror_test

import (
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/apierror"
)

func TestErrors(t *testing.T) {
	profiles := schema.GroupResource{Group: "multicluster.x-k8s.io", Resource: "clusterprofiles"}
	kind := schema.GroupKind{Group: "multicluster.x-k8s.io", Kind: "ClusterProfile"}
	invalid := func(path, detail string) error {
		return apierrors.NewInvalid(kind, "c1", field.ErrorList{field.Invalid(field.NewPath("metadata", path), "x", detail)})
	}
	terminating := apierrors.NewForbidden(profiles, "c1", errors.New("the namespace is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	for name, tc := range map[string]struct {
		why      string
		err      error
		lostRace bool
		reason   string
	}{
		"Conflict": {
			why:      "another writer was faster",
			err:      apierrors.NewConflict(profiles, "c1", errors.New("changed")),
			lostRace: true,
			reason:   v1alpha1.ProblemPublishFailed,
		},
		"OtherUID": {
			why:      "another object of the name exists",
			err:      invalid("uid", "field is immutable"),
			lostRace: true,
			reason:   v1alpha1.ProblemWriteRefused,
		},
		"Gone": {
			why:      "the object of the status was deleted",
			err:      apierrors.NewNotFound(profiles, "c1"),
			lostRace: true,
			reason:   v1alpha1.ProblemPublishFailed,
		},
		"Invalid": {
			why:    "the same write fails again",
			err:    invalid("labels", "is too long"),
			reason: v1alpha1.ProblemWriteRefused,
		},
		"Forbidden": {
			why:    "a right is missing, or a policy denies it",
			err:    fmt.Errorf("applying: %w", apierrors.NewForbidden(profiles, "c1", errors.New("no right"))),
			reason: v1alpha1.ProblemWriteRefused,
		},
		"Terminating": {
			why:    "the namespace is deleted, and that passes",
			err:    terminating,
			reason: v1alpha1.ProblemPublishFailed,
		},
		"Unreachable": {
			why:    "the API server did not answer",
			err:    errors.New("connection refused"),
			reason: v1alpha1.ProblemPublishFailed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := apierror.IsLostRace(tc.err); got != tc.lostRace {
				t.Errorf("%s: lost race is %t", tc.why, got)
			}
			if got := apierror.Problem(tc.err); got.Reason != tc.reason {
				t.Errorf("%s: got the problem %s, want %s", tc.why, got.Reason, tc.reason)
			}
		})
	}
}
