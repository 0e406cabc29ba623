// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// wrote notes a write that the API server has accepted.
func (r *Reconciler) wrote(at *target, how urgency, out *outcome) {
	out.wrote = true
	r.writes.wrote(at.key, at.version)
	r.budgets.spend(at.key, how)
}

// mustWait reports whether a profile has been written too often, or has had too many conflicts, to be written now, and says so in
// the outcome.
func (r *Reconciler) mustWait(at *target, how urgency, out *outcome) bool {
	if r.contested(at.key, at.live, out) {
		return true
	}
	wait := r.budgets.wait(at.key, how)
	if wait == 0 {
		return false
	}
	out.held = true
	out.wait(wait)
	out.problems = append(out.problems, delayed(at, how))
	return true
}

// contested reports whether a profile has had too many conflicts in a row to be written or deleted now, and says so in the outcome.
func (r *Reconciler) contested(key types.NamespacedName, live *profile.Live, out *outcome) bool {
	wait := r.budgets.conflicted(key)
	if wait == 0 {
		return false
	}
	writer := "another writer"
	if name := cmp.Or(live.OtherWriter(""), live.OtherWriter("status")); name != "" {
		writer = strconv.Quote(name)
	}
	problem := profile.NewProblem(v1alpha1.ProblemContested,
		"ClusterProfile %s changes, by %s, between each read and write of the publisher; it is tried again after pauses of up to %s",
		key, writer, duration(lastPause))
	if !slices.Contains(out.problems, problem) {
		out.problems = append(out.problems, problem)
	}
	out.held = true
	out.wait(wait)
	return true
}

// delayed says why a write waits. The text stays the same as long as that lasts. A writer that only removes fields owns none, and
// cannot be named.
func delayed(at *target, how urgency) profile.Problem {
	other, ofStatus := at.live.OtherWriter(""), at.live.OtherWriter("status")
	switch {
	case at.live == nil:
		return profile.NewProblem(v1alpha1.ProblemContested,
			"ClusterProfile %s is deleted again and again by another writer; it is created again after pauses of up to %s", at.key, duration(lastPause))
	case how == urgent:
		return profile.NewProblem(v1alpha1.ProblemContested,
			"the access of ClusterProfile %s changes again and again, by %s; it is written after pauses of up to %s",
			at.key, named(ofStatus), duration(lastPause))
	case other != "" || ofStatus != "":
		return profile.NewProblem(v1alpha1.ProblemContested, "ClusterProfile %s changes again and again, by %s; it is written once in %s",
			at.key, named(cmp.Or(other, ofStatus)), duration(writeEvery))
	}
	return profile.NewProblem(v1alpha1.ProblemWriteDelayed,
		"ClusterProfile %s changes more often than KEP-4322 allows it to be written; it is written once in %s", at.key, duration(writeEvery))
}

func named(writer string) string {
	if writer == "" {
		return "another writer or its kubeconfig Secret"
	}
	return strconv.Quote(writer)
}

func duration(d time.Duration) string { return d.Round(time.Second).String() }

// settle makes problems of what the API server did not accept, and returns the errors to try again for.
func (r *Reconciler) settle(at *target, out *outcome, errs ...error) error {
	var left []error
	for _, err := range errs {
		switch {
		case err == nil:
		case lostRace(err):
			// Somebody has changed the profile since it was read. The cache will show it.
			out.keep = true
			r.budgets.conflict(at.key, at.version)
			if !r.contested(at.key, at.live, out) {
				out.wait(time.Second)
			}
		default:
			out.problems = append(out.problems, problemOf(err))
			left = append(left, err)
		}
	}
	return errors.Join(left...)
}
