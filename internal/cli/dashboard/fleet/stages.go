// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import "github.com/capi-inventory/capi-inventory/api/v1alpha1"

// Stage is a part of a check.
type Stage struct {
	Name         string `json:"name"`
	Milliseconds int64  `json:"milliseconds"`
	// Failed reports whether the check ended here.
	Failed bool `json:"failed,omitempty"`
}

// stages returns the stages of the last check, the last of which failed unless the spoke is reachable.
func stages(last []v1alpha1.CheckStage, reachable bool) []Stage {
	out := make([]Stage, 0, len(last))
	for i, stage := range last {
		out = append(out, Stage{
			Name: cut(stage.Name), Milliseconds: stage.Milliseconds, Failed: !reachable && i == len(last)-1,
		})
	}
	return out
}
