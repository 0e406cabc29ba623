// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/capi-inventory/capi-inventory/internal/printable"
	"github.com/capi-inventory/capi-inventory/internal/spoke/netaddr"
)

const (
	// maxCertificates is the maximal size in bytes of a bundle that, base64-encoded in KUBERNETES_EXEC_INFO, is surely within the
	// limit of Linux for one environment variable.
	maxCertificates = 90 << 10
	// maxServer is the longest server that v1alpha2 accepts, in bytes.
	maxServer = 2048
)

func serverSet(p provider) string {
	if p.Cluster.Server == "" {
		return "server is empty"
	}
	return ""
}

func serverIsURL(p provider) string {
	if p.Cluster.Server == "" {
		return "" // serverSet reports it
	}
	if u, err := url.Parse(p.Cluster.Server); err != nil || u.Scheme == "" || u.Host == "" {
		return fmt.Sprintf("server %q is not a URL with a scheme and a host", printable.WithoutUserInfo(p.Cluster.Server))
	}
	return ""
}

// kueueHost parses a host as Kueue does: the part between the scheme and the path, without the port if there is one, must be an
// IP address or a DNS name. An IPv6 address without a port keeps its brackets, and is rejected.
func kueueHost(p provider) string {
	u, err := url.Parse(p.Cluster.Server)
	if err != nil || u.Host == "" {
		return "" // serverIsURL reports it
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

// notLocal: the server is not on an address that means another machine to every consumer.
func notLocal(p provider) string {
	u, err := url.Parse(p.Cluster.Server)
	if err != nil {
		return ""
	}
	if u.Hostname() == "localhost" || netaddr.IsLocalHost(u.Hostname()) {
		return fmt.Sprintf("server %q is on a loopback, link-local or metadata address", printable.WithoutUserInfo(p.Cluster.Server))
	}
	return ""
}

func certificatesArePEM(p provider) string {
	ca := p.Cluster.CertificateAuthorityData
	if len(ca) > 0 && !x509.NewCertPool().AppendCertsFromPEM(ca) {
		return "certificate-authority-data contains no PEM certificate"
	}
	return ""
}

func certificatesSet(p provider) string {
	if len(p.Cluster.CertificateAuthorityData) == 0 {
		return "certificate-authority-data is empty"
	}
	return ""
}

func certificatesFit(p provider) string {
	if size := len(p.Cluster.CertificateAuthorityData); size > maxCertificates {
		return fmt.Sprintf("certificate-authority-data has %d bytes", size)
	}
	return ""
}

func verifiesOrNot(p provider) string {
	if p.Cluster.InsecureSkipTLSVerify && len(p.Cluster.CertificateAuthorityData) > 0 {
		return "insecure-skip-tls-verify is set together with certificate-authority-data"
	}
	return ""
}

func noTLSOverrides(p provider) string {
	switch {
	case p.Cluster.TLSServerName != "":
		return fmt.Sprintf("tls-server-name %q is dropped", p.Cluster.TLSServerName)
	case p.Cluster.InsecureSkipTLSVerify:
		return "insecure-skip-tls-verify is dropped"
	}
	return ""
}

func noProxy(p provider) string {
	if p.Cluster.ProxyURL != "" {
		return "proxy-url is set"
	}
	return ""
}

// validV1alpha2: v1alpha2 will accept the server and the proxy.
func validV1alpha2(p provider) string {
	proxy, err := url.Parse(p.Cluster.ProxyURL)
	if p.Cluster.ProxyURL != "" && (err != nil || proxy.Host == "" || !slices.Contains([]string{"http", "https", "socks5"}, proxy.Scheme)) {
		return "proxy-url is not an http, https or socks5 URL"
	}
	if len(p.Cluster.Server) > maxServer {
		return fmt.Sprintf("server has %d bytes; at most %d are allowed", len(p.Cluster.Server), maxServer)
	}
	if what := serverSet(p); what != "" {
		return what
	}
	return serverIsURL(p)
}
