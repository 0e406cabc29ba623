// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package endpoint

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
)

// maxCertificates is the size in bytes of the largest CA bundle that is published. Consumers hand it to their plugin in an
// environment variable, base64-encoded, and Linux allows 128 KiB for one.
const maxCertificates = 90 << 10

// certificates keeps the CERTIFICATE blocks of a PEM bundle and nothing else: a private key that a user left in the
// bundle does not reach a profile.
func certificates(bundle []byte) ([]byte, error) {
	if len(bundle) == 0 {
		return nil, nil
	}
	var kept bytes.Buffer
	for rest := bundle; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, reject(InvalidCA, "cluster.certificate-authority-data: holds a certificate that cannot be parsed")
		}
		if err := pem.Encode(&kept, &pem.Block{Type: block.Type, Bytes: block.Bytes}); err != nil {
			return nil, reject(InvalidCA, "cluster.certificate-authority-data: cannot be encoded again")
		}
	}
	switch {
	case kept.Len() == 0:
		return nil, reject(InvalidCA, "cluster.certificate-authority-data: holds no PEM certificate")
	case kept.Len() > maxCertificates:
		return nil, reject(
			InvalidCA,
			"cluster.certificate-authority-data: has %d bytes; consumers can hand at most %d to a plugin",
			kept.Len(),
			maxCertificates,
		)
	}
	return kept.Bytes(), nil
}
