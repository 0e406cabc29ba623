// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spoke

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/expiry"
)

// Observer goes the way into the spoke of a profile. It is safe for concurrent use.
type checker interface {
	Check(ctx context.Context, profile *inventoryv1alpha1.ClusterProfile) Result
}

// Result is what was seen of one spoke.
type Report struct {
	Profile *inventoryv1alpha1.ClusterProfile
	Result
	// At is when the probe began, Took how long it lasted.
	At   time.Time
	Took time.Duration
}

// Run probes the spokes of the profiles, workers at a time, and returns the results in the order of the profiles. done is
// called after each, from many goroutines. The error is the context's; the results are not complete then.
func CheckAll(ctx context.Context, observer checker, profiles []inventoryv1alpha1.ClusterProfile, workers int, done func(*Report)) ([]Report, error) {
	results := make([]Report, len(profiles))
	places := make(chan struct{}, workers)
	var running sync.WaitGroup
	for i := range profiles {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			running.Wait()
			return results, ctx.Err()
		}
		running.Go(func() {
			defer func() { <-places }()
			r := &results[i]
			r.Profile, r.At = &profiles[i], time.Now()
			r.Result = observer.Check(ctx, r.Profile)
			r.Took = time.Since(r.At)
			done(r)
		})
	}
	running.Wait()
	return results, ctx.Err()
}

// Check is the result as the consumer would write it down.
func (r *Report) SpokeCheck() v1alpha1.SpokeCheck {
	at := metav1.NewTime(r.At)
	check := v1alpha1.SpokeCheck{Status: v1alpha1.SpokeCheckStatus{
		Provider:          r.Provider,
		Server:            r.Server,
		KubernetesVersion: r.Version,
		User:              r.User,
		MemberID:          r.Profile.Labels[v1alpha1.LabelInventoryMemberID],
		ClusterID:         r.ClusterID,
		LastProbeTime:     &at,
		Conditions: []metav1.Condition{{
			Type: v1alpha1.ConditionReachable, Status: metav1.ConditionTrue, Reason: r.Reason(), Message: r.Message(), LastTransitionTime: at,
		}},
	}}
	check.APIVersion, check.Kind = v1alpha1.SchemeGroupVersion.String(), "SpokeCheck"
	check.Namespace, check.Name = r.Profile.Namespace, r.Profile.Name
	if !r.Reachable() {
		check.Status.Conditions[0].Status = metav1.ConditionFalse
	}
	expiry.Report(&check.Status, new(expiry.Tracker).Learn(r.At, r.Expirations, true), r.At)
	return check
}

// Stage is a part of the way, and what it said.
type Stage struct {
	Name string
	OK   bool
	Took time.Duration
	Said string
}

// stageAccess is the first stage: what the profile and the provider file say. It takes no time.
const stageAccess = "access"

// breakdowns are the stages at which a failure of a reason can happen; of those that were reached, it is the last. A reason
// that is not here belongs to the last stage of all. The observer's own list of steps does not tell: a question counts as
// begun when its connection is, so a connection that fails leaves the question behind it in the list.
var breakdowns = map[string][]string{
	v1alpha1.ReasonNoAccessProvider:      {stageAccess},
	v1alpha1.ReasonReferenceNotPermitted: {stageAccess},
	v1alpha1.ReasonInvalidAccess:         {stageAccess, "resolve", "connect"},
	v1alpha1.ReasonCredentialsFailed:     {"plugin"},
	v1alpha1.ReasonNameNotResolved:       {"resolve"},
	v1alpha1.ReasonConnectFailed:         {"resolve", "connect", "proxy-tls", "proxy", "tls"},
	v1alpha1.ReasonTLSFailed:             {"tls"},
}

// Stages are the parts of the way as far as it was gone; the last one failed unless the spoke is reachable.
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
	if at := breakdowns[r.Reason()]; at != nil {
		for failed > 0 && !slices.Contains(at, stages[failed].Name) {
			failed--
		}
	}
	stages[failed].OK, stages[failed].Said = false, r.Message()
	return stages[:failed+1]
}

func (r *Report) access() string {
	if r.Provider == "" {
		return ""
	}
	return fmt.Sprintf("%s, %s", r.Provider, r.Server)
}

// said is what a step learnt beyond that all is well.
func (r *Report) said(step string) string {
	switch step {
	case "version":
		return r.Version
	case "whoami":
		return r.User
	}
	return ""
}
