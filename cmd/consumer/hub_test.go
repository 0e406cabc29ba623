// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

// testHubs: wherever the consumer finds the hub, its plugins find the same, so that the spoke "works" is reachable. Every case
// is also tried where the process is in a pod of another cluster, which has no such Secret and refuses every client.
func testHubs(t *testing.T, bin string, hub *apiserver.Server) {
	t.Helper()
	other := apiserver.StartFor(t)
	kubeconfig := kubeconfigOf(hub.Config())
	file := write(t, "hub", kubeconfig)
	list := string(filepath.ListSeparator)
	cases := map[string]struct {
		why         string
		environment []string
		args        []string
	}{
		"Home": {
			why:         "what most users have",
			environment: []string{"HOME=" + filepath.Dir(filepath.Dir(write(t, ".kube/config", kubeconfig)))},
		},
		"File": {why: "one file", environment: []string{"KUBECONFIG=" + file}},
		"Flag": {
			why:         "a file by flag, with another in the environment",
			environment: []string{"KUBECONFIG=" + write(t, "other", kubeconfigOf(other.Config()))},
			args:        []string{"--kubeconfig", file},
		},
		"List": {
			why:         "a list, of which one says it all",
			environment: []string{"KUBECONFIG=" + write(t, "empty", []byte("apiVersion: v1\nkind: Config\n")) + list + file},
		},
		"Halves": {why: "a list, of which none says it all", environment: []string{"KUBECONFIG=" + halves(t, kubeconfig)}},
	}
	for name, tc := range cases {
		for _, inPod := range []bool{false, true} {
			if inPod {
				name += "InPod"
			}
			t.Run(name, func(t *testing.T) {
				temporary := t.TempDir()
				line := []string{
					filepath.Join(bin, "consumer"), "--clusterprofile-provider-file", filepath.Join(bin, "providers.json"), "--timeout",
					"20s", "--allow-local-servers", "--once",
				}
				environment := append([]string{
					"PATH=" + os.Getenv("PATH"),
					"TMPDIR=" + temporary,
					"HOME=" + t.TempDir(),
				}, tc.environment...)
				if inPod {
					prefix, variables := pod(t, other)
					line, environment = append(prefix, line...), append(environment, variables...)
				}
				command := exec.Command(line[0], append(line[1:], tc.args...)...)
				command.Env = environment
				if out, err := command.CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%s", tc.why, err, out)
				}
				left, err := filepath.Glob(filepath.Join(temporary, "*"))
				if diff := cmp.Diff([]string(nil), left); err != nil || diff != "" {
					t.Errorf("%s: the consumer left files behind: %v -want +got:\n%s", tc.why, err, diff)
				}
			})
		}
	}
}

// write puts a file into a folder of the test.
func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// halves are a kubeconfig in two files, of which neither leads anywhere by itself.
func halves(t *testing.T, kubeconfig []byte) string {
	t.Helper()
	whole, err := clientcmd.Load(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	users := clientcmdapi.NewConfig()
	users.AuthInfos, whole.AuthInfos = whole.AuthInfos, nil
	var files []string
	for _, half := range []*clientcmdapi.Config{whole, users} {
		raw, err := clientcmd.Write(*half)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, write(t, "half", raw))
	}
	return strings.Join(files, string(filepath.ListSeparator))
}

// pod is the beginning of a command line that runs the rest as if in a pod of a cluster, and the variables of the pod.
func pod(t *testing.T, cluster *apiserver.Server) (prefix, environment []string) {
	t.Helper()
	prefix = []string{"unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", `
		mount -t tmpfs tmpfs /run
		mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
		cd /var/run/secrets/kubernetes.io/serviceaccount
		echo token >token; echo default >namespace; cp "$0" ca.crt
		exec "$@"`, write(t, "ca", cluster.CertificateAuthority())}
	if out, err := exec.Command(prefix[0], append(prefix[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: the files of a pod need a mount namespace, which this machine does not permit: %v\n%s", err, out)
	}
	host, port, _ := strings.Cut(cluster.Address(), ":")
	return prefix, []string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}
}
