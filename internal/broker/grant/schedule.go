// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"hash/fnv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

const (
	// renewals is how many times a token is renewed in its life, if all goes well: two attempts may fail for as long as a third.
	renewals = 3
	// jitter is the part of the time to a renewal by which it may come earlier, so that grants made together are not renewed together.
	jitter = 0.1
)

// RenewAt returns when the token of a grant is to be renewed: after a third of its life, less a jitter that follows from the grant and
// the token, so that a restart changes nothing. The life is what the spoke has granted, which may be less than was asked for.
func RenewAt(of *v1alpha1.AccessGrant, issued, expires time.Time) time.Time {
	third := expires.Sub(issued) / renewals
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(string(of.UID) + issued.UTC().Format(time.RFC3339)))
	early := jitter * float64(hash.Sum32()) / float64(1<<32)
	return issued.Add(third - time.Duration(early*float64(third)))
}

// Expired reports whether the token of a grant is no longer accepted.
func Expired(of *v1alpha1.AccessGrant, now time.Time) bool {
	return !now.Before(of.Status.ExpirationTimestamp.Time)
}

// ExpiresSoon reports whether the token of a grant expires within an hour, or within a sixth of its life where that is less. It was to be
// renewed long before.
func ExpiresSoon(of *v1alpha1.AccessGrant, now time.Time) bool {
	expires := of.Status.ExpirationTimestamp.Time
	return expires.Sub(now) < min(time.Hour, expires.Sub(of.Status.IssuedAt.Time)/6)
}

// IsCurrent reports whether a token of this life is of use: it is not to be renewed yet, and is not valid for much longer than is asked
// for. The life is read from the Secret or from the status, where others may have written it: one from the future would never end.
func IsCurrent(of *v1alpha1.AccessGrant, issued, expires, now time.Time) bool {
	return !issued.After(now) && now.Before(RenewAt(of, issued, expires)) &&
		expires.Sub(issued) <= 2*of.Spec.ServiceAccount.TokenTTL.Duration
}

// InForce reports whether what was granted last is what the grant asks for, with a token that is current.
func InForce(of *v1alpha1.AccessGrant, now time.Time) bool {
	status := &of.Status
	return status.Secret != nil && status.ObservedGeneration == of.Generation &&
		IsCurrent(of, status.IssuedAt.Time, status.ExpirationTimestamp.Time, now)
}

// IsDue reports whether something is to be done for a grant now: what it asks for is not in force, or its Secret, nil for none, is not the
// one that was proven last.
func IsDue(of *v1alpha1.AccessGrant, secret *metav1.PartialObjectMetadata, now time.Time) bool {
	return secret == nil || !InForce(of, now) || of.Status.Secret.ResourceVersion != secret.ResourceVersion
}
