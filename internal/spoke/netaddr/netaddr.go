// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package netaddr reports which network addresses are local to the machine that dials rather than a spoke's.
//
// A writer of a ClusterProfile chooses the server that its readers dial. A consumer on the hub must not dial itself, its node, or
// the metadata service of its cloud, which hands credentials to every client on the machine.
package netaddr

import (
	"net/netip"
	"slices"
)

// metadata services that clouds run outside the link-local ranges.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),      // Amazon, IPv6
	netip.MustParseAddr("fd00:ec2::23"),       // Amazon, credentials of EKS Pods, IPv6
	netip.MustParseAddr("fd20:ce::254"),       // Google, IPv6
	netip.MustParseAddr("fd00:c1::a9fe:a9fe"), // Oracle, IPv6
	netip.MustParseAddr("168.63.129.16"),      // Azure
	netip.MustParseAddr("100.100.100.200"),    // Alibaba
	netip.MustParseAddr("192.0.0.192"),        // Oracle
}

// embedding are the IPv6 prefixes whose addresses contain an IPv4 address, to which a gateway or the kernel translates them, and the
// byte at which it begins.
var embedding = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},   // NAT64
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12}, // NAT64 within a network
	{netip.MustParsePrefix("2002::/16"), 2},       // 6to4
	{netip.MustParsePrefix("::/96"), 12},          // IPv4-compatible
}

// IsLocalHost reports whether the host of a URL is an address that IsLocal. A name is not resolved.
func IsLocalHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && IsLocal(addr)
}

// IsLocal reports whether an address belongs to the machine itself, to its link, or to its cloud's metadata service.
func IsLocal(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() || addr.IsUnspecified() || addr.IsLinkLocalUnicast() || addr.IsMulticast() {
		return true
	}
	if slices.Contains(metadata, addr) {
		return true
	}
	for _, e := range embedding {
		if e.prefix.Contains(addr) {
			raw := addr.As16()
			return IsLocal(netip.AddrFrom4([4]byte(raw[e.at : e.at+4])))
		}
	}
	return false
}
