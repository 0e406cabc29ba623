// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/pkg/apis/clientauthentication"
	"k8s.io/client-go/pkg/apis/clientauthentication/install"
	clientauthenticationv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/printable"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// kind is the only kind of the exec protocol, for the question and for the answer.
const kind = "ExecCredential"

var codecs = func() serializer.CodecFactory {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	return serializer.NewCodecFactory(scheme)
}()

// execInfo is the question that a plugin finds in KUBERNETES_EXEC_INFO.
func execInfo(config *rest.Config) ([]byte, error) {
	request := &clientauthentication.ExecCredential{}
	if config.ExecProvider.ProvideClusterInfo {
		cluster, err := rest.ConfigToExecCluster(config)
		if err != nil {
			return nil, failure.New(v1alpha1.ReasonInvalidAccess, "The access provider cannot be encoded for its plugin: %s", err)
		}
		request.Spec.Cluster = cluster
	}
	version, err := schema.ParseGroupVersion(config.ExecProvider.APIVersion)
	if err != nil {
		return nil, failure.New(v1alpha1.ReasonCredentialsFailed, "The provider file asks for the version %q of the exec "+
			"protocol, which does not exist", config.ExecProvider.APIVersion)
	}
	info, err := runtime.Encode(codecs.LegacyCodec(version), request)
	if err != nil {
		return nil, failure.New(v1alpha1.ReasonCredentialsFailed, "The question to the plugin cannot be written in %s: %s", version, err)
	}
	return info, nil
}

// fingerprint returns a hash of everything that an answer may depend on.
func fingerprint(provider string, plugin *clientcmdapi.ExecConfig, info []byte) [sha256.Size]byte {
	hash := sha256.New()
	// The encoder ends each value with a line break, so that no two questions run into the same bytes.
	encoder := json.NewEncoder(hash)
	for _, part := range []any{provider, plugin.Command, plugin.Args, plugin.Env, info} {
		_ = encoder.Encode(part)
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// parse reads a plugin's answer. Both versions of the protocol spell it alike, so one type serves. The error says what is
// wrong in words that follow "The plugin x", and never quotes the answer.
func parse(out []byte, version string) (*Credential, error) {
	var given clientauthenticationv1.ExecCredential
	if err := json.Unmarshal(out, &given); err != nil {
		return nil, fmt.Errorf("gave no %s in JSON", kind)
	}
	if given.Kind != kind {
		return nil, fmt.Errorf("gave the kind %q in place of %s", printable.Line(given.Kind, 64), kind)
	}
	if given.APIVersion != version {
		return nil, fmt.Errorf("answered in %q, and the provider file asks for %q", printable.Line(given.APIVersion, 64), version)
	}
	if given.Status == nil {
		return nil, fmt.Errorf("gave an %s without a status", kind)
	}
	return check(given.Status)
}

func check(status *clientauthenticationv1.ExecCredentialStatus) (*Credential, error) {
	credential := &Credential{
		Token:       status.Token,
		Certificate: []byte(status.ClientCertificateData),
		Key:         []byte(status.ClientKeyData),
	}
	if status.ExpirationTimestamp != nil {
		credential.Expires = status.ExpirationTimestamp.Time
	}
	hasCertificate, hasKey := len(credential.Certificate) > 0, len(credential.Key) > 0
	switch {
	case hasCertificate != hasKey:
		return nil, fmt.Errorf("gave only one of clientCertificateData and clientKeyData")
	case !hasCertificate && credential.Token == "":
		return nil, fmt.Errorf("gave neither a token nor a client certificate")
	case !fitsHeader(credential.Token):
		return nil, fmt.Errorf("gave a token that cannot be sent: it holds a space or a control character")
	}
	if hasCertificate {
		if _, err := tls.X509KeyPair(credential.Certificate, credential.Key); err != nil {
			return nil, fmt.Errorf("gave a client certificate and key that do not parse or do not belong together")
		}
	}
	return credential, nil
}

// fitsHeader reports whether a token fits into a header: a line break would end the header.
func fitsHeader(token string) bool {
	for _, c := range []byte(token) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}
