// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

// The consumer of the samples.
const (
	namespace = "capi-inventory-system"
	account   = "capi-inventory-consumer"
)

// cluster is a real API server; k8s is its administrator.
type cluster struct {
	*apiserver.Server
	k8s client.Client
}

func start(t *testing.T, flags ...apiserver.Flag) cluster {
	t.Helper()
	server := apiserver.StartFor(t, flags...)
	k8s, err := client.New(server.Config(), client.Options{Scheme: clientgoscheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	return cluster{server, k8s}
}

// startHub starts a hub with the samples and the consumer's ServiceAccount.
func startHub(t *testing.T) cluster {
	t.Helper()
	// It would say that its keys are at an address of the machine at which it does not listen.
	hub := start(t, apiserver.Flag{Name: "external-hostname", Value: "127.0.0.1"})
	if err := hub.Install(apiserver.ClusterAPI); err != nil {
		t.Fatal(err)
	}
	meta := metav1.ObjectMeta{Namespace: namespace, Name: account}
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, &corev1.ServiceAccount{ObjectMeta: meta},
	} {
		if err := hub.k8s.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	hub.apply(t, "rbac.yaml")
	hub.apply(t, "issuer-discovery.yaml")
	return hub
}

// startSpoke starts a spoke that trusts the hub, configured as the sample configures a machine of which kubeadm makes a control plane.
func startSpoke(t *testing.T, hub cluster, kubeadm string) cluster {
	t.Helper()
	spoke := start(t)
	// Its address and certificate authority are known now, as a Cluster's are before its first machine.
	if err := spoke.Pause(); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	config := controlPlanePatch(t)
	file := config.files[0]
	write(t, filepath.Join(root, "run/kubeadm/kubeadm.yaml"), []byte(strings.ReplaceAll(kubeadm, "ENDPOINT", spoke.Address())))
	write(t, filepath.Join(root, "etc/kubernetes/pki/ca.crt"), spoke.CertificateAuthority())
	write(t, filepath.Join(root, file.path), hub.trusted(t, file.content))
	for _, command := range config.commands {
		command = strings.NewReplacer(" /run/", " "+root+"/run/", " /etc/", " "+root+"/etc/").Replace(command)
		if out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if err := spoke.Resume(apiserver.Flag{Name: config.flag, Value: filepath.Join(root, file.path)}); err != nil {
		t.Fatal(err)
	}
	return spoke
}

// trusted returns an AuthenticationConfiguration with this hub in place of the sample's.
func (c cluster) trusted(t *testing.T, content string) []byte {
	t.Helper()
	var config map[string]any
	if err := yaml.UnmarshalStrict([]byte(content), &config); err != nil {
		t.Fatal(err)
	}
	var document struct{ Issuer string }
	c.get(t, "/.well-known/openid-configuration", &document)
	issuer := config["jwt"].([]any)[0].(map[string]any)["issuer"].(map[string]any)
	for field, value := range map[string]string{
		"url":                  document.Issuer,
		"discoveryURL":         "https://" + c.Address() + "/.well-known/openid-configuration",
		"certificateAuthority": string(c.CertificateAuthority()),
	} {
		if issuer[field] == nil {
			t.Errorf("the sample has no %s", field)
		}
		issuer[field] = value
	}
	raw, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (c cluster) get(t *testing.T, path string, into any) {
	t.Helper()
	config := c.Config()
	config.NegotiatedSerializer = clientgoscheme.Codecs
	discovery, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := discovery.Get().AbsPath(path).DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

// apply creates the objects of a sample; a misspelt field is an error.
func (c cluster) apply(t *testing.T, name string) {
	t.Helper()
	strict := client.WithFieldValidation(c.k8s, metav1.FieldValidationStrict)
	for decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(sample(t, name)), 4096); ; {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := strict.Create(t.Context(), object); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// consumer returns the connection of the consumer to the hub, with a token as its pod has one.
func (c cluster) consumer(t *testing.T) *rest.Config {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	object := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}}
	if err := c.k8s.SubResource("token").Create(t.Context(), object, request); err != nil {
		t.Fatal(err)
	}
	return c.with(request.Status.Token)
}

// with returns a connection with a token.
func (c cluster) with(token string) *rest.Config {
	config := rest.AnonymousClientConfig(c.Config())
	config.BearerToken = token
	return config
}

// whoami returns the name that the cluster has for the user of a token.
func (c cluster) whoami(t *testing.T, token string) (string, error) {
	t.Helper()
	k8s, err := client.New(c.with(token), client.Options{Scheme: clientgoscheme.Scheme})
	if err != nil {
		return "", err
	}
	review := &authenticationv1.SelfSubjectReview{}
	err = k8s.Create(t.Context(), review)
	return review.Status.UserInfo.Username, err
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
