// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"k8s.io/client-go/rest"
)

// authority makes credentials of the size that Cluster API's have, RSA keys of 2048 bits. All share one key, because
// thousands take minutes to make; the certificates differ.
type authority struct {
	key    *rsa.PrivateKey
	keyPEM []byte
}

func newAuthority() (*authority, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return &authority{
		key:    key,
		keyPEM: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
	}, nil
}

// credentials are those of the administrator of the nth Cluster.
func (a *authority) credentials(n int) (*rest.Config, error) {
	ca, err := a.certificate(int64(2*n+1), pkix.Name{CommonName: "kubernetes"}, true)
	if err != nil {
		return nil, err
	}
	admin, err := a.certificate(int64(2*n+2), pkix.Name{CommonName: "kubernetes-admin", Organization: []string{"system:masters"}}, false)
	if err != nil {
		return nil, err
	}
	return &rest.Config{
		Host:            fmt.Sprintf("https://%s.clusters.example.com:6443", clusterName(n)),
		TLSClientConfig: rest.TLSClientConfig{CAData: ca, CertData: admin, KeyData: a.keyPEM},
	}, nil
}

func (a *authority) certificate(serial int64, subject pkix.Name, isCA bool) ([]byte, error) {
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(serial),
		Subject:               subject,
		NotBefore:             time.Now(),
		NotAfter:              time.Now().AddDate(10, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  isCA,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
