// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package lint says which of the known consumers of ClusterProfiles would accept a profile, and what to do about the rest.
//
// Every consumer reads the same object by rules of its own, most of them written down nowhere but in its code. They stand
// here as a table (rules.go), one row for each: whose rule it is, what is checked, what a breach means, what to do about it,
// and where it was found. The profile may be of any cluster manager.
//
// A consumer takes one access provider of several, by the order in its own provider file, and does not try another when that
// one fails. Which file a consumer has cannot be seen in a profile, so a rule about access looks at every provider the
// consumer may take: where all of them break it, that is the verdict, and where some do, it is Partly.
//
// It is pure: profiles in, findings out. It dials nothing and reads no Secret, so it cannot tell whether a kubeconfig that a
// profile refers to names the same server as the profile, or whether a certificate authority is the right one: that is what
// a probe is for.
package lint
