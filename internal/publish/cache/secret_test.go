// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/internal/publish/cache"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// A cached Secret gives the endpoint that its kubeconfig has, and no credentials.
func TestCachedSecret(t *testing.T) {
	const token = "token-that-must-not-leak"
	config := &rest.Config{BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: newAuthority(t)}}
	raw := fixture.Kubeconfig("c1", config, "https://10.0.0.1:6443")
	secret := fixture.KubeconfigSecret("team-a", "c1", raw)
	secret.Annotations = map[string]string{"token": token}
	transformed, err := transformOf(t, secret)(secret.DeepCopy())
	if err != nil {
		t.Fatal(err)
	}
	cached := transformed.(*corev1.Secret)
	if encoded, err := json.Marshal(
		cached,
	); err != nil || bytes.Contains(encoded, []byte(token)) ||
		bytes.Contains(cached.Data["value"], []byte(token)) {
		t.Errorf("the token is in the cache: %s, %v", encoded, err)
	}
	got, found, err := cache.Kubeconfig(cached, "value")
	if err != nil || !found {
		t.Fatalf("found is %t, error %v", found, err)
	}
	if diff := cmp.Diff(cache.Parse(raw), got); diff != "" {
		t.Errorf("what is cached is what the kubeconfig has -parsed +cached:\n%s", diff)
	}
	if len(got.Endpoint.CertificateAuthorityData) == 0 || got.Endpoint.Server != "https://10.0.0.1:6443" {
		t.Errorf("got %+v", got.Endpoint)
	}
	if _, found, err := cache.Kubeconfig(cached, "other"); found || err != nil {
		t.Errorf("there is no such key: found is %t, error %v", found, err)
	}
}

// Of a Secret that is not a kubeconfig by its name nothing is kept but its Cluster.
func TestOtherSecretsAreEmptied(t *testing.T) {
	secret := &corev1.Secret{Data: map[string][]byte{"tls.key": []byte("private")}}
	secret.Namespace, secret.Name = "team-a", "c1-ca"
	secret.Labels = map[string]string{clusterv1.ClusterNameLabel: "c1", "other": "label"}
	transformed, err := transformOf(t, secret)(secret)
	if err != nil {
		t.Fatal(err)
	}
	cached := transformed.(*corev1.Secret)
	if len(cached.Data) > 0 {
		t.Errorf("data of another Secret is in the cache: %v", cached.Data)
	}
	if diff := cmp.Diff(map[string]string{clusterv1.ClusterNameLabel: "c1"}, cached.Labels); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
