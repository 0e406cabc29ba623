// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package withdrawal takes back what is published, as a hub wants it before its publisher is uninstalled: it deletes
// Inventories, and waits until the publisher has withdrawn their profiles.
//
// It removes no profile and no finalizer itself. Whether a profile may go is the running publisher's judgement, and a consumer's
// that holds it; all that is done here is to ask, to wait, and to say what is being waited for.
package withdrawal
