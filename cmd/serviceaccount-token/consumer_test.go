// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clientauthenticationv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
)

// consumer is a program that uses the plugin: our own, but for its controller.
type consumer struct {
	plugin, kubeconfig string
	// hub is the connection to the hub.
	hub     *rest.Config
	checker *spoke.Checker
}

func newConsumer(t *testing.T, hub cluster) *consumer {
	t.Helper()
	dir := t.TempDir()
	c := &consumer{
		plugin:     filepath.Join(dir, "serviceaccount-token"),
		kubeconfig: filepath.Join(dir, "hub.kubeconfig"),
		hub:        hub.consumer(t),
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", c.plugin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters["hub"] = &clientcmdapi.Cluster{Server: c.hub.Host, CertificateAuthorityData: c.hub.CAData}
	kubeconfig.AuthInfos["hub"] = &clientcmdapi.AuthInfo{Token: c.hub.BearerToken}
	kubeconfig.Contexts["hub"] = &clientcmdapi.Context{Cluster: "hub", AuthInfo: "hub"}
	kubeconfig.CurrentContext = "hub"
	if err := clientcmd.WriteToFile(*kubeconfig, c.kubeconfig); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "providers.json")
	command := []byte(`"command": "serviceaccount-token"`)
	write(t, file, bytes.Replace(sample(t, "clusterprofile-provider-file.json"), command, []byte(`"command": "`+c.plugin+`"`), 1))
	providers, err := access.Load(file, access.Options{AllowLocalServers: true})
	if err != nil {
		t.Fatal(err)
	}
	c.checker = &spoke.Checker{
		Providers: providers,
		Credentials: &credential.Source{
			Timeout: time.Minute, MaxAge: time.Hour, Environment: credential.Inherited(), Clock: clock.RealClock{},
			Hub: func() ([]string, error) { return []string{"KUBECONFIG=" + c.kubeconfig}, nil },
		},
		Prober: &probe.Prober{Timeout: time.Minute, AllowLocalServers: true},
	}
	return c
}

// endpoint is what the profile of a cluster has.
func endpoint(c cluster) clientcmdv1.Cluster {
	return clientcmdv1.Cluster{Server: "https://" + c.Address(), CertificateAuthorityData: c.CertificateAuthority()}
}

func profile(name string, endpoint clientcmdv1.Cluster) *inventoryv1alpha1.ClusterProfile {
	profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	profile.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{{Name: "serviceaccount-token", Cluster: endpoint}}
	return profile
}

// check checks a spoke as our consumer does.
func (c *consumer) check(t *testing.T, name string, endpoint clientcmdv1.Cluster) spoke.Result {
	t.Helper()
	return c.checker.Check(t.Context(), profile(name, endpoint))
}

// token returns what the plugin prints for an endpoint.
func (c *consumer) token(t *testing.T, endpoint clientcmdv1.Cluster) string {
	t.Helper()
	question, err := json.Marshal(clientauthenticationv1.ExecCredential{
		TypeMeta: metav1.TypeMeta{APIVersion: clientauthenticationv1.SchemeGroupVersion.String(), Kind: "ExecCredential"},
		Spec: clientauthenticationv1.ExecCredentialSpec{Cluster: &clientauthenticationv1.Cluster{
			Server: endpoint.Server, CertificateAuthorityData: endpoint.CertificateAuthorityData,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), c.plugin, "--kubeconfig", c.kubeconfig)
	command.Env = append(os.Environ(), "KUBERNETES_EXEC_INFO="+string(question))
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var answer clientauthenticationv1.ExecCredential
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Status.ExpirationTimestamp.IsZero() {
		t.Error("consumers cannot know how long the token is valid")
	}
	return answer.Status.Token
}

// requestToken requests a token as the consumer could without the plugin.
func (c *consumer) requestToken(t *testing.T, audiences []string, lifetime time.Duration) error {
	t.Helper()
	k8s, err := client.New(c.hub, client.Options{Scheme: clientgoscheme.Scheme})
	if err != nil {
		return err
	}
	seconds := int64(lifetime / time.Second)
	object := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}}
	return k8s.SubResource("token").Create(t.Context(), object, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: audiences, ExpirationSeconds: &seconds},
	})
}
