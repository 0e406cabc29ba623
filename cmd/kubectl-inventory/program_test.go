// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

// binary is the built program. client-go determines the path of ~/.kube/config at start, so a test of it needs its own process.
var binary = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "build", "-o", in("kubectl-inventory"), ".").CombinedOutput()
	return in("kubectl-inventory"), errors.Join(err, errorOf(out))
})

func errorOf(output []byte) error {
	if len(output) == 0 {
		return nil
	}
	return errors.New(string(output))
}

// runProgram runs the program with its own environment, and checks that it leaves no temporary files.
func runProgram(t *testing.T, prefix, environment []string, args ...string) result {
	t.Helper()
	program, err := binary()
	must(t, err)
	temporary := t.TempDir()
	line := append(append(prefix, program), args...)
	command := exec.Command(line[0], line[1:]...)
	command.Env = append([]string{
		"PATH=" + os.Getenv("PATH"),
		"TMPDIR=" + temporary,
		"HOME=" + t.TempDir(),
		providersVariable + "=" + in("providers.json"),
	}, environment...)
	var out, errOut bytes.Buffer
	command.Stdout, command.Stderr = &out, &errOut
	var exit *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(temporary, "*"))
	must(t, err)
	if diff := cmp.Diff([]string(nil), left); diff != "" {
		t.Errorf("the program left temporary files -want +got:\n%s", diff)
	}
	return result{out: out.String(), err: errOut.String(), code: command.ProcessState.ExitCode()}
}

// write writes a file into a folder of the test.
func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, content, 0o600))
	return path
}

// halves returns a list of two files that are the hub's kubeconfig only together.
func halves(t *testing.T) string {
	t.Helper()
	whole, err := clientcmd.LoadFromFile(in("hub.kubeconfig"))
	must(t, err)
	users := clientcmdapi.NewConfig()
	users.AuthInfos, whole.AuthInfos = whole.AuthInfos, nil
	first, err := clientcmd.Write(*whole)
	must(t, err)
	second, err := clientcmd.Write(*users)
	must(t, err)
	return write(t, "clusters", first) + string(filepath.ListSeparator) + write(t, "users", second)
}

// withEmpty returns a list of two files of which the second is the hub's kubeconfig.
func withEmpty(t *testing.T) string {
	t.Helper()
	return write(t, "empty", []byte("apiVersion: v1\nkind: Config\n")) + string(filepath.ListSeparator) + in("hub.kubeconfig")
}

// homeOf returns the HOME of a user whose ~/.kube/config is the file.
func homeOf(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	return filepath.Dir(filepath.Dir(write(t, ".kube/config", content)))
}

// tlsFlags returns the flags for the server and the user of a configuration, without a kubeconfig.
func tlsFlags(t *testing.T, config *rest.Config) []string {
	t.Helper()
	return []string{
		"--server", config.Host, "--certificate-authority", write(t, "ca", config.CAData),
		"--client-certificate", write(t, "certificate", config.CertData), "--client-key", write(t, "key", config.KeyData),
	}
}

// token returns the token of a ServiceAccount that is cluster-admin of the hub.
func token(t *testing.T, name string) string {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "empty", Name: name}}
	must(t, env.k8s.Create(t.Context(), account))
	must(t, env.k8s.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "empty", Name: name}},
	}))
	request := &authenticationv1.TokenRequest{}
	must(t, env.k8s.SubResource("token").Create(t.Context(), account, request))
	return request.Status.Token
}

// login returns a kubeconfig of the hub whose user logs in by a command that depends on the environment.
func login(t *testing.T, token string) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(in("hub.kubeconfig"))
	must(t, err)
	for _, user := range config.AuthInfos {
		*user = clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
			APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.IfAvailableExecInteractiveMode, Command: "sh",
			Args: []string{
				"-c",
				`test "$CLOUD_PROFILE" = mine && echo '{"apiVersion": "client.authentication.k8s.io/v1", ` +
					`"kind": "ExecCredential", "status": {"token": "` + token + `"}}'`,
			},
		}}
	}
	raw, err := clientcmd.Write(*config)
	must(t, err)
	return write(t, "login", raw)
}

// pod is a pod of a cluster, with the token of its ServiceAccount.
type pod struct {
	cluster *apiserver.Server
	token   string
}

// prefix returns the beginning of a command line that runs the rest as in the pod.
func (p *pod) prefix(t *testing.T) []string {
	t.Helper()
	if p == nil {
		return nil
	}
	prefix := []string{"unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", `
		mount -t tmpfs tmpfs /run
		mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
		cp "$0"/* /var/run/secrets/kubernetes.io/serviceaccount
		exec "$@"`, t.TempDir()}
	for name, content := range map[string]string{
		"token":     p.token,
		"namespace": "empty",
		"ca.crt":    string(p.cluster.CertificateAuthority()),
	} {
		must(t, os.WriteFile(filepath.Join(prefix[len(prefix)-1], name), []byte(content), 0o600))
	}
	if out, err := exec.Command(prefix[0], append(prefix[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: the files of a pod need a mount namespace, which this machine does not permit: %v\n%s", err, out)
	}
	return prefix
}

// environment returns the variables of every container in the pod.
func (p *pod) environment() []string {
	if p == nil {
		return nil
	}
	host, port, _ := strings.Cut(p.cluster.Address(), ":")
	return []string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}
}
