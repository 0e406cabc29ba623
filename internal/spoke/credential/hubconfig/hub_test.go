// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hubconfig_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capi-inventory/capi-inventory/internal/spoke/credential/hubconfig"
)

// everything is a kubeconfig file of two contexts, of which "b" has all that a kubeconfig can say of a hub and a user.
func everything(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("t"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["a"] = &clientcmdapi.Cluster{Server: "https://a"}
	config.Clusters["b"] = &clientcmdapi.Cluster{
		Server:                   "https://b/path",
		TLSServerName:            "name",
		CertificateAuthorityData: []byte("ca"),
		ProxyURL:                 "http://proxy:3128",
		DisableCompression:       true,
		Extensions: map[string]runtime.Object{
			"client.authentication.k8s.io/exec": &runtime.Unknown{Raw: []byte(`{"region":"r"}`), ContentType: runtime.ContentTypeJSON},
		},
	}
	config.AuthInfos["a"] = &clientcmdapi.AuthInfo{Token: "a"}
	config.AuthInfos["b"] = &clientcmdapi.AuthInfo{
		ClientCertificateData: []byte("crt"), ClientKeyData: []byte("key"), TokenFile: token,
		Impersonate: "deputy", ImpersonateUID: "1", ImpersonateGroups: []string{"g"}, ImpersonateUserExtra: map[string][]string{"k": {"v"}},
		Exec: &clientcmdapi.ExecConfig{
			Command:            "login",
			Args:               []string{"x"},
			Env:                []clientcmdapi.ExecEnvVar{{Name: "N", Value: "v"}},
			APIVersion:         "client.authentication.k8s.io/v1",
			InteractiveMode:    clientcmdapi.IfAvailableExecInteractiveMode,
			ProvideClusterInfo: true,
			InstallHint:        "hint",
		},
	}
	config.Contexts["a"] = &clientcmdapi.Context{Cluster: "a", AuthInfo: "a"}
	config.Contexts["b"] = &clientcmdapi.Context{Cluster: "b", AuthInfo: "b", Namespace: "n"}
	config.CurrentContext = "a"
	path := filepath.Join(dir, "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func loader(file string, overrides *clientcmd.ConfigOverrides) clientcmd.ClientConfig {
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(&clientcmd.ClientConfigLoadingRules{ExplicitPath: file}, overrides)
}

// find is a hub that is removed with the test, and the file that plugins are given.
func find(t *testing.T, file, context string) (*hubconfig.Hub, string) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	found, err := hubconfig.Find(loader(file, &clientcmd.ConfigOverrides{CurrentContext: context}), context)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = found.Close() })
	return found, given(t, found)
}

func given(t *testing.T, found *hubconfig.Hub) string {
	t.Helper()
	environment, err := found.Environment()
	if err != nil {
		t.Fatal(err)
	}
	if len(environment) != 1 || !strings.HasPrefix(environment[0], "KUBECONFIG=") {
		t.Fatalf("a plugin is given %v", environment)
	}
	return strings.TrimPrefix(environment[0], "KUBECONFIG=")
}

// TestPluginFindsTheSameHub: a plugin that reads the temporary file uses the same hub and user.
func TestPluginFindsTheSameHub(t *testing.T) {
	source := everything(t)
	_, file := find(t, source, "b")
	if file == source {
		t.Fatal("the current context of the file is another one")
	}
	read := func(loader clientcmd.ClientConfig) (*rest.Config, string, string) {
		config, err := loader.ClientConfig()
		if err != nil {
			t.Fatal(err)
		}
		proxy, err := config.Proxy(nil)
		if err != nil {
			t.Fatal(err)
		}
		namespace, _, err := loader.Namespace()
		if err != nil {
			t.Fatal(err)
		}
		config.Proxy = nil
		return config, proxy.String(), namespace
	}
	want, wantProxy, wantNamespace := read(loader(source, &clientcmd.ConfigOverrides{CurrentContext: "b"}))
	got, gotProxy, gotNamespace := read(loader(file, nil))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{wantProxy, wantNamespace}, []string{gotProxy, gotNamespace}); diff != "" {
		t.Errorf("proxy and namespace -want +got:\n%s", diff)
	}
}

// TestPluginReadsTheProgramsFile: a complete file is used by plugins directly, so that they see its updates.
func TestPluginReadsTheProgramsFile(t *testing.T) {
	source := everything(t)
	if found, file := find(t, source, "a"); file != source || found.File != source || found.Namespace != "default" {
		t.Errorf("got %s, %+v", file, found)
	}
}

// TestTemporaryFileIsPrivate: the file is readable by its owner only, is written again after it was removed, and is removed at the end.
func TestTemporaryFileIsPrivate(t *testing.T) {
	found, file := find(t, everything(t), "b")
	if found.File != "" || found.Namespace != "n" {
		t.Errorf("got %+v", found)
	}
	for path, mode := range map[string]fs.FileMode{file: 0o600, filepath.Dir(file): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if again := given(t, found); again != file {
		t.Errorf("one file is enough, got %s and %s", file, again)
	}
	if err := os.RemoveAll(filepath.Dir(file)); err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(given(t, found))
	if diff := cmp.Diff(content, again); err != nil || diff != "" {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if err := found.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := found.Environment(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a plugin that is late must not leave a file behind: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*")); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}
