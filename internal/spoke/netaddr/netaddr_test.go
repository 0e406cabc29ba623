// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package netaddr_test

import (
	"net/netip"
	"testing"

	"github.com/capi-inventory/capi-inventory/internal/spoke/netaddr"
)

func TestIsLocal(t *testing.T) {
	cases := map[string]struct {
		why  string
		want bool
	}{
		"127.0.0.1":              {why: "loopback", want: true},
		"127.8.8.8":              {why: "all of 127/8 is loopback", want: true},
		"::1":                    {why: "loopback", want: true},
		"::ffff:127.0.0.1":       {why: "an IPv4 address in IPv6 clothes is dialled as IPv4", want: true},
		"0.0.0.0":                {why: "Linux connects it to the machine itself", want: true},
		"::":                     {why: "likewise", want: true},
		"169.254.169.254":        {why: "the metadata service of most clouds", want: true},
		"::ffff:169.254.169.254": {why: "likewise, in IPv6 clothes", want: true},
		"fe80::1%eth0":           {why: "link-local, with a zone", want: true},
		"fd00:ec2::254":          {why: "Amazon's metadata service is not link-local in IPv6", want: true},
		"fd00:ec2::254%eth0":     {why: "a zone is no disguise", want: true},
		"fd00:ec2::23":           {why: "Amazon's credentials for Pods, in IPv6", want: true},
		"fd20:ce::254":           {why: "Google's metadata service in IPv6", want: true},
		"fd00:c1::a9fe:a9fe":     {why: "Oracle's metadata service in IPv6", want: true},
		"64:ff9b::a9fe:a9fe":     {why: "a NAT64 gateway translates it to 169.254.169.254", want: true},
		"64:ff9b::7f00:1":        {why: "a NAT64 gateway translates it to 127.0.0.1", want: true},
		"64:ff9b:1::a9fe:a9fe":   {why: "likewise, by the prefix for local use", want: true},
		"2002:a9fe:a9fe::1":      {why: "a 6to4 router sends it to 169.254.169.254", want: true},
		"2002:7f00:1::":          {why: "a 6to4 router sends it to 127.0.0.1", want: true},
		"::127.0.0.1":            {why: "an IPv4-compatible address", want: true},
		"64:ff9b::cb00:7107":     {why: "NAT64 is how networks without IPv4 reach a public spoke", want: false},
		"2002:cb00:7107::1":      {why: "6to4 to a public address", want: false},
		"224.0.0.1":              {why: "no spoke answers at a multicast address", want: true},
		"10.0.0.1":               {why: "spokes have private addresses", want: false},
		"fd00::1":                {why: "in IPv6, too", want: false},
		"100.64.0.1":             {why: "and shared ones, in overlays", want: false},
		"203.0.113.7":            {why: "a public address", want: false},
		"2001:db8::1":            {why: "a public address", want: false},
	}
	for addr, tc := range cases {
		t.Run(addr, func(t *testing.T) {
			if got := netaddr.IsLocal(netip.MustParseAddr(addr)); got != tc.want {
				t.Errorf("Local(%s) = %t: %s", addr, got, tc.why)
			}
			if got := netaddr.IsLocalHost(addr); got != tc.want {
				t.Errorf("IsLocalHost(%q) = %t: %s", addr, got, tc.why)
			}
		})
	}
}

func TestNamesAreNotResolved(t *testing.T) {
	if netaddr.IsLocalHost("localhost") || netaddr.IsLocalHost("") {
		t.Error("a name is checked when it is dialled")
	}
}
