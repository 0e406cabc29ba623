// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package lint reports which of the known consumers of ClusterProfiles would accept a profile, and what to do about the rest.
//
// Every consumer reads the same object by its own rules, most of which are documented only by its code. Here they are a table
// (rules.go), with a row for each: which consumers have the rule, what is checked, what a breach means, what to do about it, and
// where the rule was found. The profile may be of any cluster manager.
//
// A consumer takes one access provider of several, by the order in its own provider file, and does not try another when that
// one fails. The profile does not show which file a consumer has, so a rule about access checks every provider that the
// consumer may take: if all of them break the rule, its verdict holds; if only some do, the verdict is Partly.
//
// It is pure: profiles in, findings out. It dials nothing and reads no Secret, so it cannot find out whether a kubeconfig that a
// profile refers to names the same server as the profile, or whether a certificate authority is the right one. A probe does that.
package lint
