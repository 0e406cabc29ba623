// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package hub is what every controller needs to work on a hub: the scheme, the flags that controllers share, and a gate that starts a
// controller when the APIs that it needs are installed. It does not know Cluster API, so that the consumer can use it too.
package hub
