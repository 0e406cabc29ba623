// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// The annotations of a Secret say what its token is worth, so that a broker that ended before it wrote the grant's status need not
// issue another.
const (
	annotationIssued   = "capi-inventory.dev/issued-at"
	annotationExpires  = "capi-inventory.dev/expires-at"
	annotationEndpoint = "capi-inventory.dev/endpoint"
)

// Token is what a spoke has issued.
type Token struct {
	Value           string
	Issued, Expires time.Time
}

// Secret returns the Secret of a grant.
func (n Names) Secret(of *v1alpha1.AccessGrant, at endpoint.Endpoint, token Token) (*corev1.Secret, error) {
	kubeconfig, err := n.kubeconfig(at, token.Value)
	if err != nil {
		return nil, err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: of.Namespace,
			Name:      profile.GrantedSecretName(of.Name),
			Labels:    map[string]string{v1alpha1.LabelGrant: n.Grant, v1alpha1.LabelInventory: of.Spec.Inventory},
			Annotations: map[string]string{
				annotationIssued:   token.Issued.UTC().Format(time.RFC3339),
				annotationExpires:  token.Expires.UTC().Format(time.RFC3339),
				annotationEndpoint: at.Digest(),
			},
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(of, v1alpha1.SchemeGroupVersion.WithKind("AccessGrant")),
			},
		},
		Type: v1alpha1.SecretTypeKubeconfig,
		Data: map[string][]byte{profile.GrantedSecretKey: kubeconfig},
	}
	secret.OwnerReferences[0].BlockOwnerDeletion = nil
	return secret, nil
}

// IsOwn reports whether the broker has made a Secret for just this grant. One of another author is never overwritten or deleted.
func IsOwn(secret *corev1.Secret, of *v1alpha1.AccessGrant) bool {
	return secret.Type == v1alpha1.SecretTypeKubeconfig && metav1.IsControlledBy(secret, of)
}

// TokenIn returns the token of a Secret that was made for the endpoint; false if there is none whose life is known.
func TokenIn(secret *corev1.Secret, at endpoint.Endpoint) (Token, bool) {
	config, err := endpoint.Load(secret.Data[profile.GrantedSecretKey])
	if err != nil || secret.Annotations[annotationEndpoint] != at.Digest() || len(config.AuthInfos) != 1 {
		return Token{}, false
	}
	var token Token
	for _, user := range config.AuthInfos {
		token.Value = user.Token
	}
	var errs [2]error
	token.Issued, errs[0] = time.Parse(time.RFC3339, secret.Annotations[annotationIssued])
	token.Expires, errs[1] = time.Parse(time.RFC3339, secret.Annotations[annotationExpires])
	return token, token.Value != "" && errs[0] == nil && errs[1] == nil
}

// kubeconfig returns one with everything inline: no consumer of it opens a file or runs a program.
func (n Names) kubeconfig(at endpoint.Endpoint, token string) ([]byte, error) {
	const name = "spoke"
	raw, err := clientcmd.Write(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{name: {
			Server:                   at.Server,
			CertificateAuthorityData: at.CertificateAuthorityData,
			ProxyURL:                 at.ProxyURL,
			TLSServerName:            at.TLSServerName,
			InsecureSkipTLSVerify:    at.InsecureSkipTLSVerify,
		}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{n.ServiceAccount: {Token: token}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: n.ServiceAccount}},
		CurrentContext: name,
	})
	if err != nil {
		return nil, fmt.Errorf("encoding a kubeconfig: %w", err)
	}
	return raw, nil
}
