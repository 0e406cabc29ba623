// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package fault tests what survives faults: processes that are killed, connections and API servers that fail, other writers, and
// sequences of operations that nobody has thought of. Every test ends with one audit of all that is published (audit_test.go), or of
// all access that is granted (grants_test.go).
//
// The quick tests run with all others; -fault.full, which "make test-fault" sets, runs the long ones too, and gitleaks over all that the
// programs have shown.
package fault
