// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package endpoint

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// maxURL is the longest URL of a server or a proxy, in bytes, that v1alpha2 of ClusterProfile accepts.
const maxURL = 2048

// parseServer returns the server as an absolute https URL with an explicit port. It adds the scheme that client-go would
// assume for a server without one, and the port that https implies: Kueue refuses an IPv6 host without a port, and exec
// plugins a server without a scheme.
func parseServer(raw string) (string, error) {
	if raw == "" {
		return "", reject(InvalidServer, "cluster.server: not set")
	}
	if len(raw) > maxURL {
		return "", reject(InvalidServer, "cluster.server: has %d bytes; at most %d are allowed", len(raw), maxURL)
	}
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "":
		return "", reject(InvalidServer, "cluster.server: is not a URL with a host; an IPv6 address needs brackets")
	case u.User != nil:
		return "", reject(InvalidServer, "cluster.server: carries a user name or password, which would be published")
	case u.Scheme != "https":
		return "", reject(InvalidServer, "cluster.server: has the scheme %q; credentials travel over https only", quotable(u.Scheme))
	case u.RawQuery != "" || u.Fragment != "":
		return "", reject(InvalidServer, "cluster.server: has a query or a fragment")
	}
	if invalid := checkHost(u.Hostname()); invalid != "" {
		return "", reject(InvalidServer, "cluster.server: the host %s", invalid)
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", reject(InvalidServer, "cluster.server: %q is not a port", quotable(port))
	}
	u.Host = net.JoinHostPort(u.Hostname(), port)
	normalized := u.String()
	if len(normalized) > maxURL {
		return "", reject(InvalidServer, "cluster.server: has %d bytes with scheme and port; at most %d are allowed", len(normalized),
			maxURL)
	}
	return normalized, nil
}

// checkHost says what is wrong with a host that is neither an IP address nor a DNS name, and nothing where all is well. Kueue
// refuses an underscore, a trailing dot and a zone. None of them is normalized: without its dot a name may be looked up in another
// domain, and a zone is a network interface of one machine.
func checkHost(host string) string {
	address, err := netip.ParseAddr(host)
	switch {
	case err == nil && address.Zone() != "":
		return fmt.Sprintf("%q has a zone, which means something on one machine only", quotable(host))
	case err == nil:
		return ""
	case strings.HasSuffix(host, "."):
		return fmt.Sprintf("%q ends with a dot", quotable(host))
	case len(validation.IsDNS1123Subdomain(strings.ToLower(host))) > 0:
		return fmt.Sprintf(
			"%q is neither an IP address nor a DNS name of at most %d characters",
			quotable(host),
			validation.DNS1123SubdomainMaxLength,
		)
	}
	return ""
}

func checkTLSServerName(name string) error {
	if name == "" {
		return nil
	}
	if invalid := checkHost(name); invalid != "" {
		return reject(InvalidTLSServerName, "cluster.tls-server-name: %s", invalid)
	}
	return nil
}

func checkProxy(raw string) error {
	if raw == "" {
		return nil
	}
	if len(raw) > maxURL {
		return reject(InvalidProxy, "cluster.proxy-url: has %d bytes; at most %d are allowed", len(raw), maxURL)
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "":
		return reject(InvalidProxy, "cluster.proxy-url: is not an absolute URL with a host")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5":
		return reject(InvalidProxy, "cluster.proxy-url: has the scheme %q; only http, https and socks5 are supported", quotable(u.Scheme))
	case u.User != nil:
		return reject(InvalidProxy, "cluster.proxy-url: carries a user name or password, which would be published")
	case u.RawQuery != "" || u.Fragment != "":
		return reject(InvalidProxy, "cluster.proxy-url: has a query or a fragment, which would be published")
	}
	return nil
}
