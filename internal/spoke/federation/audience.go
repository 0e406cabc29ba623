// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package federation

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	clientauthenticationv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	certutil "k8s.io/client-go/util/cert"

	"github.com/capi-inventory/capi-inventory/internal/printable"
)

// DefaultAudiencePrefix is what audiences begin with. No other service expects an audience that begins so, and the hub does not either.
const DefaultAudiencePrefix = "capi-inventory.dev/spoke/"

const (
	// maxServer is the longest server URL, in bytes, that v1alpha2 of ClusterProfile accepts.
	maxServer = 2048
	// maxQuoted is how much of an audience an error quotes, in bytes.
	maxQuoted = 128
)

// Audience returns the audience of the tokens for a cluster: the prefix, the URL of the server, and the fingerprint of its certificate
// authority, unless the roots of the system are trusted:
//
//	capi-inventory.dev/spoke/https://london.example.com:6443#sha256:<SHA-256 of the DER certificates, in hexadecimal>
//
// Everything that decides which server receives a token is in it, because the writer of a profile chooses all of that. The URL alone
// would not do: behind a proxy of the writer's choice, a server with a certificate of the writer's authority could have any URL.
func Audience(prefix string, cluster *clientauthenticationv1.Cluster) (string, error) {
	server, err := parseServer(cluster.Server)
	switch {
	case err != nil:
		return "", fmt.Errorf("spec.cluster.server: %w", err)
	case cluster.InsecureSkipTLSVerify:
		return "", errors.New("spec.cluster.insecure-skip-tls-verify: must not be set: any server could receive the token")
	case cluster.TLSServerName != "" && cluster.TLSServerName != server.Hostname():
		return "", errors.New("spec.cluster.tls-server-name: must be empty or the host of the server: " +
			"another server of the same certificate authority could receive the token")
	}
	audience := prefix + strings.TrimSuffix(server.String(), "/")
	if len(cluster.CertificateAuthorityData) == 0 {
		return audience, nil
	}
	// It parses the blocks that TLS clients trust, and no others.
	certificates, err := certutil.ParseCertsPEM(cluster.CertificateAuthorityData)
	if err != nil {
		return "", errors.New("spec.cluster.certificate-authority-data: has no certificate in PEM, or one that cannot be parsed")
	}
	fingerprint := sha256.New()
	for _, certificate := range certificates {
		fingerprint.Write(certificate.Raw)
	}
	return fmt.Sprintf("%s#sha256:%x", audience, fingerprint.Sum(nil)), nil
}

// parseServer returns the URL of a server, of which nothing but scheme, host and path is set. The errors do not quote it: it may
// contain a password.
func parseServer(raw string) (*url.URL, error) {
	if len(raw) > maxServer {
		return nil, fmt.Errorf("has more than %d bytes", maxServer)
	}
	server, err := url.Parse(raw)
	switch {
	case err != nil || server.Scheme != "https" || server.Hostname() == "":
		return nil, errors.New("is not an https URL with a host")
	case server.User != nil, server.RawQuery != "", server.Fragment != "":
		return nil, errors.New("must have no user, query or fragment")
	}
	return &url.URL{Scheme: server.Scheme, Host: server.Host, Path: server.Path, RawPath: server.RawPath}, nil
}

// confirm returns an error if the extension of a profile names another audience. An extension cannot choose one.
func confirm(extension runtime.RawExtension, audience string) error {
	if len(extension.Raw) == 0 {
		return nil
	}
	var config struct {
		Audience string `json:"audience"`
	}
	if json.Unmarshal(extension.Raw, &config) != nil {
		return errors.New("spec.cluster.config: is not an object, or its audience is not a string")
	}
	if config.Audience != "" && config.Audience != audience {
		return fmt.Errorf("spec.cluster.config.audience: %q is not the audience of the server and its certificate authority, which is %q",
			printable.Line(config.Audience, maxQuoted), printable.Line(audience, maxQuoted))
	}
	return nil
}
