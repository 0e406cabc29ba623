// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package address_test

import (
	"net/netip"
	"testing"

	"github.com/capi-inventory/capi-inventory/internal/address"
)

func TestLocal(t *testing.T) {
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
		"224.0.0.1":              {why: "no spoke answers at a multicast address", want: true},
		"10.0.0.1":               {why: "spokes have private addresses", want: false},
		"fd00::1":                {why: "in IPv6, too", want: false},
		"100.64.0.1":             {why: "and shared ones, in overlays", want: false},
		"203.0.113.7":            {why: "a public address", want: false},
		"2001:db8::1":            {why: "a public address", want: false},
	}
	for addr, tc := range cases {
		t.Run(addr, func(t *testing.T) {
			if got := address.Local(netip.MustParseAddr(addr)); got != tc.want {
				t.Errorf("Local(%s) = %t: %s", addr, got, tc.why)
			}
		})
	}
}
