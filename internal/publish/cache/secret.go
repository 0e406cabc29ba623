// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// KubeconfigSuffix ends the names of the Secrets whose endpoints are cached.
const KubeconfigSuffix = "-kubeconfig"

// endpointsOnly is the type of a Secret in the cache: an informer may transform an object twice, and the result of the first time
// is not a kubeconfig.
const endpointsOnly corev1.SecretType = "capi-inventory.dev/endpoints"

// authoritySuffix marks the certificate authority of a key's endpoint, which is kept as it is: in JSON it is larger, and slower
// to read. No key of a real Secret has a slash.
const authoritySuffix = "/certificate-authority"

// transformSecret replaces the data of a Secret, before it is cached, with the endpoints in its kubeconfigs or the reasons why there
// is none.
//
// Of a Secret whose name is not that of a kubeconfig nothing is kept but its name. Cluster API makes four or more of these for each
// Cluster. One that an Inventory names by its suffix is read from the API server when its time has come, whatever events there are.
func transformSecret(object any) (any, error) {
	secret, ok := object.(*corev1.Secret)
	if !ok || secret.Type == endpointsOnly {
		return object, nil
	}
	kept := &corev1.Secret{Type: endpointsOnly, ObjectMeta: metav1.ObjectMeta{
		Namespace:       secret.Namespace,
		Name:            secret.Name,
		ResourceVersion: secret.ResourceVersion,
	}}
	intern(&kept.Namespace)
	if !strings.HasSuffix(secret.Name, KubeconfigSuffix) {
		return kept, nil
	}
	kept.UID, kept.CreationTimestamp = secret.UID, secret.CreationTimestamp
	if cluster := secret.Labels[clusterv1.ClusterNameLabel]; cluster+KubeconfigSuffix != secret.Name {
		// Otherwise the Cluster follows from the name.
		kept.Labels = map[string]string{clusterv1.ClusterNameLabel: cluster}
	}
	kept.Data = make(map[string][]byte, 2*len(secret.Data))
	for key, value := range secret.Data {
		kubeconfig := Parse(value)
		if authority := kubeconfig.Endpoint.CertificateAuthorityData; authority != nil {
			kept.Data[key+authoritySuffix] = internBytes(authority)
			kubeconfig.Endpoint.CertificateAuthorityData = nil
		}
		raw, err := json.Marshal(kubeconfig)
		if err != nil {
			return nil, fmt.Errorf("encoding the endpoint of Secret %s/%s: %w", secret.Namespace, secret.Name, err)
		}
		kept.Data[key] = raw
	}
	return kept, nil
}

// Kubeconfig returns what a key of a cached Secret holds; false if there is no such key.
func Kubeconfig(secret *corev1.Secret, key string) (kubeconfig profile.Kubeconfig, found bool, err error) {
	raw, found := secret.Data[key]
	if !found {
		return profile.Kubeconfig{}, false, nil
	}
	if err := json.Unmarshal(raw, &kubeconfig); err != nil {
		return profile.Kubeconfig{}, false, fmt.Errorf(
			"reading the endpoint of Secret %s/%s from the cache: %w",
			secret.Namespace,
			secret.Name,
			err,
		)
	}
	kubeconfig.Endpoint.CertificateAuthorityData = secret.Data[key+authoritySuffix]
	return kubeconfig, true, nil
}

// Parse returns the public half of a kubeconfig.
func Parse(raw []byte) profile.Kubeconfig {
	parsed, err := endpoint.Parse(raw)
	var rejected *endpoint.RejectedError
	errors.As(err, &rejected)
	return profile.Kubeconfig{Endpoint: parsed, Rejected: rejected}
}
