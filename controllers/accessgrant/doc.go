// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package accessgrant is the controller of the broker.
package accessgrant
