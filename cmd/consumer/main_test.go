// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	clusterhub "github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/assets"
)

// TestConsumerBinary runs the binary as a user would: against a hub with a spoke that works and one that does not.
func TestConsumerBinary(t *testing.T) {
	bin := build(t)
	server := apiserver.StartHubFor(t)
	hubClient, err := client.New(server.Config(), client.Options{Scheme: clusterhub.NewScheme(clientgoscheme.AddToScheme)})
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(bin, "hub.kubeconfig")
	if err := os.WriteFile(kubeconfig, kubeconfigOf(server.Config()), 0o600); err != nil {
		t.Fatal(err)
	}
	providers := filepath.Join(bin, "providers.json")
	if err := os.WriteFile(
		providers,
		fmt.Appendf(
			nil,
			`{"providers": [{"name": "kubeconfig-secretreader", "execConfig": {
		"apiVersion": "client.authentication.k8s.io/v1", "command": %q, "provideClusterInfo": true}}]}`,
			filepath.Join(bin, "kubeconfig-secretreader"),
		),
		0o600,
	); err != nil {
		t.Fatal(err)
	}
	// The hub is a spoke of its own.
	publish(t, hubClient, "works", server.Config(), "kubeconfig-secretreader")
	consumer := func(args ...string) *exec.Cmd {
		command := exec.Command(filepath.Join(bin, "consumer"), append([]string{
			"--clusterprofile-provider-file",
			providers,
			"--timeout",
			"2s",
			"--allow-local-servers",
		}, args...)...)
		command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
		return command
	}

	t.Run("Once", func(t *testing.T) {
		out, err := consumer("--once").Output()
		if err != nil {
			t.Fatalf("every spoke is reachable, and yet: %v", err)
		}
		want := "" +
			"NAMESPACE   NAME    REACHABLE   REASON      VERSION   MESSAGE\n" +
			"default     works   True        Reachable   " + assets.KubernetesVersion +
			"   The spoke is ready and accepts the published access\n"
		if diff := cmp.Diff(want, string(out)); diff != "" {
			t.Errorf("table -want +got:\n%s", diff)
		}
	})
	t.Run("Hubs", func(t *testing.T) { testHubs(t, bin, server) })
	t.Run("TemporaryFiles", func(t *testing.T) { testTemporaryFiles(t, bin, server) })
	t.Run("References", func(t *testing.T) { testReferences(t, hubClient, consumer) })
	publish(t, hubClient, "stranger", server.Config(), "unheard-of")
	t.Run("OnceUnreachable", func(t *testing.T) {
		var exit *exec.ExitError
		out, err := consumer("--once", "-o", "json", "-n", "default").Output()
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("exit code for a spoke that is not reachable: want 1, got %v", err)
		}
		var checks v1alpha1.SpokeCheckList
		if err := json.Unmarshal(out, &checks); err != nil || len(checks.Items) != 2 {
			t.Fatalf("want a SpokeCheckList of two, got %v in:\n%s", err, out)
		}
		var list v1alpha1.SpokeCheckList
		if err := hubClient.List(t.Context(), &list); err != nil || len(list.Items) != 0 {
			t.Errorf("--once wrote to the hub: %v %v", list.Items, err)
		}
	})
	t.Run("OnceWithoutHub", func(t *testing.T) {
		var exit *exec.ExitError
		if err := consumer("--once", "--kubeconfig", "/nonexistent").Run(); !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("exit code without a hub: want 2, got %v", err)
		}
	})
	t.Run("Controller", func(t *testing.T) {
		g := gomega.NewWithT(t)
		var log bytes.Buffer
		// With the rights of its own role, and the one that its plugin needs.
		if err := os.WriteFile(kubeconfig, kubeconfigOf(restricted(t, server, hubClient)), 0o600); err != nil {
			t.Fatal(err)
		}
		command := consumer(
			"--interval",
			"2s",
			"--timeout",
			"1m",
			"--diagnostics-address",
			"0",
			"--health-addr",
			"0",
			"--leader-elect=false",
		)
		command.Stderr = &log
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		reasonOf := func(name string) func() string {
			return func() string {
				var check v1alpha1.SpokeCheck
				_ = hubClient.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: name}, &check)
				if condition := meta.FindStatusCondition(check.Status.Conditions, v1alpha1.ConditionReachable); condition != nil {
					return condition.Reason
				}
				return ""
			}
		}
		g.Eventually(reasonOf("works")).WithTimeout(2 * time.Minute).Should(gomega.Equal(v1alpha1.ReasonReachable))
		g.Eventually(reasonOf("stranger")).WithTimeout(2 * time.Minute).Should(gomega.Equal(v1alpha1.ReasonNoAccessProvider))
		g.Eventually(func() []string {
			var events eventsv1.EventList
			if err := hubClient.List(t.Context(), &events, client.InNamespace("default")); err != nil {
				t.Fatal(err)
			}
			var about []string
			for _, event := range events.Items {
				about = append(about, event.Regarding.Name+": "+event.Reason)
			}
			return about
		}).WithTimeout(2 * time.Minute).Should(gomega.ConsistOf("works: Reachable", "stranger: NoAccessProvider"))
		if err := command.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := command.Wait(); err != nil {
			t.Errorf("a consumer that is stopped: %v\n%s", err, log.String())
		}
	})
}

// restricted is a user of the hub who may do what config/rbac says, and read Secrets.
func restricted(t *testing.T, hub *apiserver.Server, hubClient client.Client) *rest.Config {
	t.Helper()
	raw, err := os.ReadFile("../../config/rbac/consumer/role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.ClusterRole{}
	if err := yaml.UnmarshalStrict(raw, role); err != nil {
		t.Fatal(err)
	}
	secrets := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "plugin"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}}},
	}
	for _, role := range []*rbacv1.ClusterRole{role, secrets} {
		if err := hubClient.Create(t.Context(), role); err != nil {
			t.Fatal(err)
		}
		if err := hubClient.Create(t.Context(), &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role.Name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "consumer"}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	user, err := hub.As("consumer")
	if err != nil {
		t.Fatal(err)
	}
	return user
}

// build returns a folder with the consumer and upstream's plugin.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, pkg := range map[string]string{
		"consumer":                ".",
		"kubeconfig-secretreader": "sigs.k8s.io/cluster-inventory-api/plugins/kubeconfig-secretreader/cmd/plugin",
	} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), pkg).CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", name, err, out)
		}
	}
	return dir
}

func kubeconfigOf(config *rest.Config) []byte {
	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters["c"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	kubeconfig.AuthInfos["u"] = &clientcmdapi.AuthInfo{
		Token:                 config.BearerToken,
		ClientCertificateData: config.CertData,
		ClientKeyData:         config.KeyData,
	}
	kubeconfig.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	kubeconfig.CurrentContext = "x"
	raw, err := clientcmd.Write(*kubeconfig)
	utilruntime.Must(err)
	return raw
}

func publish(t *testing.T, hub client.Client, name string, config *rest.Config, provider string) {
	t.Helper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name + "-kubeconfig"},
		Data:       map[string][]byte{"value": kubeconfigOf(config)},
	}
	if err := hub.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	profile.Spec.ClusterManager.Name = "test"
	if err := hub.Create(t.Context(), profile); err != nil {
		t.Fatal(err)
	}
	profile.Status.Conditions = []metav1.Condition{}
	profile.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{{Name: provider, Cluster: clientcmdv1.Cluster{
		Server:                   config.Host,
		CertificateAuthorityData: config.CAData,
		Extensions: []clientcmdv1.NamedExtension{{
			Name:      "client.authentication.k8s.io/exec",
			Extension: runtime.RawExtension{Raw: fmt.Appendf(nil, `{"name":%q,"key":"value","namespace":"default"}`, secret.Name)},
		}},
	}}}
	if err := hub.Status().Update(t.Context(), profile); err != nil {
		t.Fatal(err)
	}
}
