// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

// What tests that need an API server see of this package.
var (
	NotFound = notFound
	LostRace = lostRace
)
