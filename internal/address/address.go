// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package address knows which network addresses belong to the machine that asks rather than to a spoke.
//
// Whoever may write a ClusterProfile decides which server its readers dial. A consumer on the hub must not be talked into
// dialling itself, its node, or the metadata service of its cloud, which hands out credentials to anybody who asks from there.
package address

import "net/netip"

// metadata services that clouds run outside the link-local ranges.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),   // Amazon, IPv6
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("100.100.100.200"), // Alibaba
	netip.MustParseAddr("192.0.0.192"),     // Oracle
}

// Local says whether an address leads to the machine itself, to its link, or to its cloud's metadata service.
func Local(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() || addr.IsUnspecified() || addr.IsLinkLocalUnicast() || addr.IsMulticast() {
		return true
	}
	for _, service := range metadata {
		if addr == service {
			return true
		}
	}
	return false
}
