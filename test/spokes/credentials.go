// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokes

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// administrator is the user of the kubeconfig that kubeadm makes.
const administrator = "kubernetes-admin"

// credentials are those of the server and of the administrator, shared by all spokes: RSA keys of 2048 bits, as kubeadm makes them,
// so that a connection costs what it costs elsewhere.
type credentials struct {
	server  tls.Certificate
	clients *x509.CertPool
	client  rest.TLSClientConfig
}

func newCredentials() (*credentials, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	authority, err := cert.NewSelfSignedCACert(cert.Config{CommonName: "kubernetes"}, key)
	if err != nil {
		return nil, fmt.Errorf("making a certificate authority: %w", err)
	}
	// One key for all: it is the size that costs time.
	sign := func(template x509.Certificate) ([]byte, error) {
		template.NotBefore, template.NotAfter = authority.NotBefore, authority.NotAfter
		template.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
		der, err := x509.CreateCertificate(rand.Reader, &template, authority, key.Public(), key)
		if err != nil {
			return nil, fmt.Errorf("making a certificate: %w", err)
		}
		return der, nil
	}
	server, err := sign(x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "kube-apiserver"},
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	if err != nil {
		return nil, err
	}
	admin, err := sign(x509.Certificate{
		SerialNumber: big.NewInt(3),
		Subject:      pkix.Name{CommonName: administrator, Organization: []string{"system:masters"}},
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, err
	}
	c := &credentials{server: tls.Certificate{Certificate: [][]byte{server}, PrivateKey: key}, clients: x509.NewCertPool()}
	c.clients.AddCert(authority)
	c.client = rest.TLSClientConfig{CAData: encode(authority.Raw), CertData: encode(admin), KeyData: keyPEM}
	return c, nil
}

// serverConfig accepts clients without a certificate too: they have a token, or are refused later.
func (c *credentials) serverConfig() *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{c.server},
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    c.clients,
	}
}

func encode(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: cert.CertificateBlockType, Bytes: der})
}
