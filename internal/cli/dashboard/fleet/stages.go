// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"slices"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// Stage is a part of a check.
type Stage struct {
	Name string `json:"name"`
	// Result is passed, failed or skipped.
	Result string `json:"result"`
}

// failures are the reasons with which a stage fails.
type failures struct {
	stage   string
	reasons []string
}

// stages are the parts of a check in order. A SpokeCheck has no other record of them than the reason of its condition.
var stages = []failures{
	{"access", []string{v1alpha1.ReasonNoAccessProvider, v1alpha1.ReasonInvalidAccess, v1alpha1.ReasonReferenceNotPermitted}},
	{"credentials", []string{v1alpha1.ReasonCredentialsFailed}},
	{"resolve", []string{v1alpha1.ReasonNameNotResolved}},
	{"connect", []string{v1alpha1.ReasonConnectFailed}},
	{"TLS", []string{v1alpha1.ReasonTLSFailed}},
	{"login", []string{v1alpha1.ReasonUnauthorized}},
	{"ready", []string{v1alpha1.ReasonNotReady}},
	{"permissions", []string{v1alpha1.ReasonForbidden}},
	{"identity", []string{v1alpha1.ReasonWrongCluster}},
}

// Stages returns the stages of a check with the reason of its condition Reachable; nil for an unknown reason.
func Stages(reason string) []Stage {
	failed := slices.IndexFunc(stages, func(f failures) bool { return slices.Contains(f.reasons, reason) })
	if failed < 0 && reason != v1alpha1.ReasonReachable {
		return nil
	}
	out := make([]Stage, 0, len(stages))
	for i, stage := range stages {
		result := "passed"
		switch {
		case failed >= 0 && i == failed:
			result = "failed"
		case failed >= 0 && i > failed:
			result = "skipped"
		}
		out = append(out, Stage{Name: stage.stage, Result: result})
	}
	return out
}
