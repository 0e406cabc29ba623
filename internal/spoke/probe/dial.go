// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
	"github.com/capi-inventory/capi-inventory/internal/spoke/netaddr"
)

// maxAddresses is how many addresses of one name are tried: a DNS answer may hold hundreds.
const maxAddresses = 16

// Resolver looks names up; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// dialer opens the connection of a probe, to the server or to the proxy before it. http.Transport detaches what it dials from
// the request that waits for it, so every step is bounded here as well.
type dialer struct {
	resolver Resolver
	timeout  time.Duration
	timer    *stepTimer
	// refuse returns an error for an address that must not be dialled; nil allows all.
	refuse func(network, address string, _ syscall.RawConn) error
	proxy  *url.URL
}

// dial is the DialContext of a transport.
func (d *dialer) dial(ctx context.Context, network, hostPort string) (net.Conn, error) {
	addresses, err := d.resolve(ctx, hostPort)
	if err != nil {
		return nil, err
	}
	d.timer.enter(StepConnect)
	conn, err := d.connect(ctx, network, addresses)
	if err != nil {
		return nil, err
	}
	if d.proxy != nil && d.proxy.Scheme == "https" {
		d.timer.enter(StepProxyTLS)
		if conn, err = d.secure(ctx, conn); err != nil {
			return nil, err
		}
	}
	if d.proxy != nil {
		d.timer.enter(StepProxy)
	}
	return conn, nil
}

// resolve returns the addresses of a host, in the order in which they are to be tried.
func (d *dialer) resolve(ctx context.Context, hostPort string) ([]netip.AddrPort, error) {
	host, number, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("port %q: %w", number, err)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(ip, uint16(port))}, nil
	}
	d.timer.enter(StepResolve)
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	ips, err := d.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var addresses []netip.AddrPort
	for _, ip := range ips[:min(len(ips), maxAddresses)] {
		addresses = append(addresses, netip.AddrPortFrom(ip.Unmap(), uint16(port)))
	}
	return addresses, nil
}

// connect tries one address after the other. Each gets an equal share of the remaining time: net.Dialer would give the first ones
// two seconds or more, and leave nothing for the last ones of a short timeout.
func (d *dialer) connect(ctx context.Context, network string, addresses []netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	deadline, _ := ctx.Deadline()
	var failures []error
	for i, address := range addresses {
		share := time.Until(deadline) / time.Duration(len(addresses)-i)
		conn, err := (&net.Dialer{Timeout: share, KeepAlive: -1, Control: d.refuse}).DialContext(ctx, network, address.String())
		if err == nil {
			return conn, nil
		}
		failures = append(failures, err)
	}
	// The order of the addresses changes between answers of a name server, and the message must not: diagnosis looks for one kind
	// of error after the other in all of them.
	return nil, errors.Join(failures...)
}

// secure starts TLS with the proxy. The proxy is not the spoke: its certificate is verified by the authorities of the system, and it
// does not get the credentials for the spoke.
func (d *dialer) secure(ctx context.Context, conn net.Conn) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	secured := tls.Client(conn, &tls.Config{ServerName: d.proxy.Hostname(), MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

// hop returns the proxy's URL for the transport. The dialer itself starts TLS with a proxy; the transport would use the TLS settings
// of the spoke for it.
func hop(proxy *url.URL) *url.URL {
	if proxy == nil || proxy.Scheme != "https" {
		return proxy
	}
	plain := *proxy
	plain.Scheme = "http"
	if plain.Port() == "" {
		plain.Host = net.JoinHostPort(plain.Hostname(), "443")
	}
	return &plain
}

// refuseLocal returns an error for a local address. It is called before the connection, when the name has been resolved.
func refuseLocal(_, addrPort string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(addrPort)
	if err != nil || netaddr.IsLocal(to.Addr()) {
		return failure.New(v1alpha1.ReasonInvalidAccess, "The server's name resolves to a loopback, link-local or metadata "+
			"address, which means another machine to every reader; --allow-local-servers permits it")
	}
	return nil
}
