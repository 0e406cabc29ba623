// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"cmp"
	"errors"
	"strconv"
	"time"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/apierror"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// admit returns a result with Held set if a profile has been written too often, or has had too many conflicts, to be written or
// deleted now.
func (a *attempt) admit(urgency urgency) Result {
	wait, conflicts := a.budgets.wait(a.key, urgency)
	switch {
	case wait == 0:
		return Result{}
	case conflicts:
		return a.contested(wait)
	}
	return Result{Held: true, RequeueAfter: wait, Problems: []profile.Problem{a.delayed(urgency)}}
}

// contested returns the result of an attempt that must wait because there were too many conflicts in a row.
func (a *attempt) contested(wait time.Duration) Result {
	writer := "another writer"
	if name := cmp.Or(a.live.OtherWriter(""), a.live.OtherWriter("status")); name != "" {
		writer = strconv.Quote(name)
	}
	problem := profile.NewProblem(v1alpha1.ProblemContested,
		"ClusterProfile %s changes, by %s, between each read and write of the publisher; it is tried again after pauses of up to %s",
		a.key, writer, rounded(maxPause))
	return Result{Held: true, RequeueAfter: wait, Problems: []profile.Problem{problem}}
}

// delayed returns why a write waits. The text stays the same as long as that lasts. A writer that only removes fields owns none,
// and cannot be named.
func (a *attempt) delayed(urgency urgency) profile.Problem {
	other, ofStatus := a.live.OtherWriter(""), a.live.OtherWriter("status")
	switch {
	case a.live == nil:
		return profile.NewProblem(v1alpha1.ProblemContested,
			"ClusterProfile %s is deleted again and again by another writer; it is created again after pauses of up to %s",
			a.key, rounded(maxPause))
	case urgency == urgent:
		return profile.NewProblem(v1alpha1.ProblemContested,
			"the access of ClusterProfile %s changes again and again, by %s; it is written after pauses of up to %s",
			a.key, named(ofStatus), rounded(maxPause))
	case other != "" || ofStatus != "":
		return profile.NewProblem(v1alpha1.ProblemContested, "ClusterProfile %s changes again and again, by %s; it is written once in %s",
			a.key, named(cmp.Or(other, ofStatus)), rounded(writeInterval))
	}
	return profile.NewProblem(v1alpha1.ProblemWriteDelayed,
		"ClusterProfile %s changes more often than KEP-4322 allows it to be written; it is written once in %s",
		a.key, rounded(writeInterval))
}

func named(writer string) string {
	if writer == "" {
		return "another writer or its kubeconfig Secret"
	}
	return strconv.Quote(writer)
}

func rounded(d time.Duration) string { return d.Round(time.Second).String() }

// settle turns what the API server did not accept into problems, and returns the errors to retry for.
func (a *attempt) settle(errs ...error) (Result, error) {
	var (
		result Result
		retry  []error
	)
	for _, err := range errs {
		switch {
		case err == nil:
		case apierror.IsLostRace(err):
			result = result.With(a.lostRace())
		default:
			result.Problems = append(result.Problems, apierror.Problem(err))
			retry = append(retry, err)
		}
	}
	return result, errors.Join(retry...)
}

// lostRace is the result of a write that came after one of another writer, which the cache will show.
func (a *attempt) lostRace() Result {
	result := Result{RequeueAfter: time.Second}
	if wait := a.budgets.conflict(a.key, a.version); wait > 0 {
		result = a.contested(wait)
	}
	result.Keep = true
	return result
}
