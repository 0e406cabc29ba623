// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spoke

import (
	"fmt"
	"slices"
	"time"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

// Stage is a part of a check, with what it found out.
type Stage struct {
	Name string
	OK   bool
	Took time.Duration
	Said string
}

// stageAccess is the first stage: the profile and the provider file. It takes no time.
const stageAccess = "access"

// failedStages are the stages that can fail with a reason; of those that were reached, the last one failed. With a reason that is not
// here, the last stage of all failed. The list of steps alone does not show it: a request counts as begun when its connection is, so a
// connection that fails leaves the request after it in the list.
var failedStages = map[string][]string{
	v1alpha1.ReasonNoAccessProvider:      {stageAccess},
	v1alpha1.ReasonReferenceNotPermitted: {stageAccess},
	v1alpha1.ReasonInvalidAccess:         {stageAccess, probe.StepResolve, probe.StepConnect},
	v1alpha1.ReasonCredentialsFailed:     {stepPlugin},
	v1alpha1.ReasonNameNotResolved:       {probe.StepResolve},
	v1alpha1.ReasonConnectFailed:         {probe.StepResolve, probe.StepConnect, probe.StepProxyTLS, probe.StepProxy, probe.StepTLS},
	v1alpha1.ReasonTLSFailed:             {probe.StepTLS},
}

// Stages returns the stages that were reached, in order; the last one failed unless the spoke is reachable.
func (r *Report) Stages() []Stage {
	stages := make([]Stage, 0, 1+len(r.Steps))
	stages = append(stages, Stage{Name: stageAccess, OK: true, Said: r.access()})
	for _, step := range r.Steps {
		stages = append(stages, Stage{Name: step.Name, OK: true, Took: step.Took, Said: r.said(step.Name)})
	}
	if r.Reachable() {
		return stages
	}
	failed := len(stages) - 1
	if at := failedStages[r.Reason()]; at != nil {
		for failed > 0 && !slices.Contains(at, stages[failed].Name) {
			failed--
		}
	}
	stages[failed].OK, stages[failed].Said = false, r.Message()
	return stages[:failed+1]
}

// checkStages returns the stages as a SpokeCheck reports them.
func (r *Report) checkStages() []v1alpha1.CheckStage {
	stages := r.Stages()
	reported := make([]v1alpha1.CheckStage, 0, len(stages))
	for _, stage := range stages {
		reported = append(reported, v1alpha1.CheckStage{Name: stage.Name, Milliseconds: stage.Took.Milliseconds()})
	}
	return reported
}

func (r *Report) access() string {
	if r.Provider == "" {
		return ""
	}
	return fmt.Sprintf("%s, %s", r.Provider, r.Server)
}

// said returns what a step found out, beyond its success.
func (r *Report) said(step string) string {
	switch step {
	case probe.StepVersion:
		return r.Version
	case probe.StepWhoAmI:
		return r.User
	}
	return ""
}
