// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package accessgrant fulfils AccessGrants: it keeps a ServiceAccount with limited rights on each spoke, renews its token, and writes
// it as a kubeconfig into a Secret beside the grant.
//
// A grant is a request and no authority: nothing is done for one that its Inventory does not ask for at that moment. What is done next
// follows from the grant's status and its Secret alone, so that a restart issues no token. The status is written last: a broker that
// ends before that finds in the Secret what it has done.
package accessgrant
