// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package kubeconfig

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

// maxServer is the longest server URL, in bytes, that v1alpha2 of ClusterProfile accepts.
const maxServer = 2048

// parseServer returns the server as an absolute https URL with an explicit port. It adds the scheme that client-go would
// assume for a server without one, and the port that https implies: Kueue refuses an IPv6 host without a port, and exec
// plugins a server without a scheme.
func parseServer(raw string) (string, error) {
	if raw == "" {
		return "", refuse(InvalidServer, "cluster.server: not set")
	}
	if len(raw) > maxServer {
		return "", refuse(InvalidServer, "cluster.server: has %d bytes; at most %d are allowed", len(raw), maxServer)
	}
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "":
		return "", refuse(InvalidServer, "cluster.server: is not a URL with a host; an IPv6 address needs brackets")
	case u.User != nil:
		return "", refuse(InvalidServer, "cluster.server: carries a user name or password, which would be published")
	case u.Scheme != "https":
		return "", refuse(InvalidServer, "cluster.server: has the scheme %q; credentials travel over https only", u.Scheme)
	case u.RawQuery != "" || u.Fragment != "":
		return "", refuse(InvalidServer, "cluster.server: has a query or a fragment")
	case strings.Contains(u.Hostname(), ":") && net.ParseIP(strings.Split(u.Hostname(), "%")[0]) == nil:
		return "", refuse(InvalidServer, "cluster.server: %q is not an IP address", u.Hostname())
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", refuse(InvalidServer, "cluster.server: %q is not a port", port)
	}
	u.Host = net.JoinHostPort(u.Hostname(), port)
	return u.String(), nil
}
