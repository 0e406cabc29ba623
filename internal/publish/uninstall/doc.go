// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package uninstall withdraws everything that is published before the publisher is uninstalled: it deletes Inventories and waits
// until the publisher has withdrawn their profiles, and the broker has revoked the access that they asked for.
//
// It never deletes a profile or removes a finalizer: the running publisher, the broker and the consumers' finalizers decide. This
// package only deletes Inventories, waits, and reports progress.
package uninstall
