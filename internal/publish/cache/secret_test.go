// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// Of a Secret that is not a kubeconfig by its name nothing is kept that anything reads; of a kubeconfig, the Cluster that does not follow
// from its name.
func TestKeptMetadataOfSecrets(t *testing.T) {
	for name, tc := range map[string]struct {
		why   string
		label string
		want  metav1.ObjectMeta
	}{
		"c1-ca":   {why: "nothing reads it", label: "c1"},
		"c1-user": {why: "it is read from the API server, at its time", label: "c1"},
		"c1-kubeconfig": {
			why: "the Cluster follows from the name", label: "c1",
			want: metav1.ObjectMeta{UID: "uid", CreationTimestamp: fixture.Since},
		},
		"c1-user-kubeconfig": {
			why: "an event of it reconciles the Cluster that the label names", label: "c1",
			want: metav1.ObjectMeta{
				UID: "uid", CreationTimestamp: fixture.Since,
				Labels: map[string]string{clusterv1.ClusterNameLabel: "c1"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			secret := &corev1.Secret{Data: map[string][]byte{"tls.key": []byte("private")}}
			secret.Namespace, secret.Name, secret.ResourceVersion, secret.UID = "team-a", name, "1", "uid"
			secret.CreationTimestamp = fixture.Since
			secret.Labels = map[string]string{clusterv1.ClusterNameLabel: tc.label, "other": "label"}
			transformed, err := transformOf(t, secret)(secret)
			if err != nil {
				t.Fatal(err)
			}
			cached := transformed.(*corev1.Secret)
			if !strings.HasSuffix(name, cache.KubeconfigSuffix) && len(cached.Data) > 0 {
				t.Errorf("data of another Secret is in the cache: %v", cached.Data)
			}
			tc.want.Namespace, tc.want.Name, tc.want.ResourceVersion = "team-a", name, "1"
			if diff := cmp.Diff(tc.want, cached.ObjectMeta); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
		})
	}
}
