// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/capi-inventory/capi-inventory/internal/spoke/netaddr"
)

const (
	// maxCertificates is the size in bytes from which on a bundle, base64-encoded and packed into KUBERNETES_EXEC_INFO, may
	// be more than Linux allows one environment variable to have.
	maxCertificates = 90 << 10
	// maxServer is the longest server that v1alpha2 accepts, in bytes.
	maxServer = 2048
)

func serverSet(w provider) string {
	if w.Cluster.Server == "" {
		return "server is empty"
	}
	return ""
}

func serverIsURL(w provider) string {
	if w.Cluster.Server == "" {
		return "" // serverSet says so
	}
	if u, err := url.Parse(w.Cluster.Server); err != nil || u.Scheme == "" || u.Host == "" {
		return fmt.Sprintf("server %q is no URL with a scheme and a host", w.Cluster.Server)
	}
	return ""
}

// trustedHost is Kueue's reading of a host: whatever stands between the scheme and the path, less the port if there is one,
// must be an IP address or a DNS name. An IPv6 address without a port keeps its brackets, and fails.
func kueueHost(w provider) string {
	u, err := url.Parse(w.Cluster.Server)
	if err != nil || u.Host == "" {
		return "" // serverIsURL says so
	}
	host := u.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if net.ParseIP(host) != nil || len(validation.IsDNS1123Subdomain(strings.ToLower(host))) == 0 {
		return ""
	}
	return fmt.Sprintf("the host %q of the server is neither an IP address nor a DNS name", host)
}

// elsewhere: the server is not on an address that leads every reader to itself.
func notLocal(w provider) string {
	u, err := url.Parse(w.Cluster.Server)
	if err != nil {
		return ""
	}
	addr, err := netip.ParseAddr(u.Hostname())
	if u.Hostname() == "localhost" || err == nil && netaddr.IsLocal(addr) {
		return fmt.Sprintf("server %q is on a loopback, link-local or metadata address", w.Cluster.Server)
	}
	return ""
}

func certificatesArePEM(w provider) string {
	ca := w.Cluster.CertificateAuthorityData
	if len(ca) > 0 && !x509.NewCertPool().AppendCertsFromPEM(ca) {
		return "certificate-authority-data holds no PEM certificate"
	}
	return ""
}

func certificatesSet(w provider) string {
	if len(w.Cluster.CertificateAuthorityData) == 0 {
		return "certificate-authority-data is empty"
	}
	return ""
}

func certificatesFit(w provider) string {
	if size := len(w.Cluster.CertificateAuthorityData); size > maxCertificates {
		return fmt.Sprintf("certificate-authority-data has %d bytes", size)
	}
	return ""
}

func verifiesOrNot(w provider) string {
	if w.Cluster.InsecureSkipTLSVerify && len(w.Cluster.CertificateAuthorityData) > 0 {
		return "insecure-skip-tls-verify is set together with certificate-authority-data"
	}
	return ""
}

func noTLSOverrides(w provider) string {
	switch {
	case w.Cluster.TLSServerName != "":
		return fmt.Sprintf("tls-server-name %q is dropped", w.Cluster.TLSServerName)
	case w.Cluster.InsecureSkipTLSVerify:
		return "insecure-skip-tls-verify is dropped"
	}
	return ""
}

func noProxy(w provider) string {
	if w.Cluster.ProxyURL != "" {
		return "proxy-url is set"
	}
	return ""
}

// stricter: v1alpha2 will accept the server and the proxy.
func validV1alpha2(w provider) string {
	if u, err := url.Parse(w.Cluster.ProxyURL); w.Cluster.ProxyURL != "" && (err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme)) {
		return "proxy-url is no http, https or socks5 URL"
	}
	if len(w.Cluster.Server) > maxServer {
		return fmt.Sprintf("server has %d bytes; at most %d are allowed", len(w.Cluster.Server), maxServer)
	}
	if what := serverSet(w); what != "" {
		return what
	}
	return serverIsURL(w)
}
