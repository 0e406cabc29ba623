// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// maxAnswer is the size in bytes above which a plugin's output is dropped.
const maxAnswer = 256 << 10

// inherited are the variables that a service's plugin needs to run and to reach other networks. All others, such as the consumer's own
// secrets, have to be set in the provider file.
var inherited = []string{
	"PATH", "HOME", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
}

// ofHub are the variables by which plugins find the hub; Source.Hub returns them.
var ofHub = []string{"KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}

// Inherited returns the part of this process's environment that is passed to a service's plugins.
func Inherited() []string {
	var environment []string
	for _, name := range inherited {
		if value, ok := os.LookupEnv(name); ok {
			environment = append(environment, name+"="+value)
		}
	}
	return environment
}

// Personal returns the environment for plugins that a user runs: all of the user's own, as in a shell, because the login to the hub may
// depend on it, without the variables by which plugins find the hub.
func Personal() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(ofHub, name)
	})
}

// run runs a plugin once. It returns when the plugin has ended, at the latest a moment after the deadline, when it and its children
// have been killed.
func (s *Source) run(ctx context.Context, provider string, plugin *clientcmdapi.ExecConfig, info []byte) (*Credential, error) {
	environment, err := s.environment(plugin, info)
	if err != nil {
		return nil, failure.New(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s cannot "+
			"be configured for the hub: %s", name(plugin), provider, err)
	}
	// execute ends the plugin and its children, not the context.
	command := exec.CommandContext(context.WithoutCancel(ctx), plugin.Command, plugin.Args...)
	command.Env = environment
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	stdout, stderr := &limitedBuffer{limit: maxAnswer, exceeded: cancel}, &tailBuffer{}
	err = s.execute(ctx, command, stdout, stderr)
	switch {
	case stdout.overflowed():
		return nil, failure.New(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s wrote more than "+
			"%d bytes and was killed", name(plugin), provider, maxAnswer)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, failure.New(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s gave no answer "+
			"within %s and was killed", name(plugin), provider, s.Timeout)
	case err != nil:
		return nil, failed(provider, plugin, err, strings.TrimSpace(stderr.reason(plugin.Env)+s.memory(err)))
	}
	credential, err := parse(stdout.bytes(), plugin.APIVersion)
	if err != nil {
		return nil, failure.New(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s %s", name(plugin), provider, err)
	}
	return credential, nil
}

// environment returns the base, then the hub's, the provider file's, and the request: of two values for a name, the last counts.
func (s *Source) environment(plugin *clientcmdapi.ExecConfig, info []byte) ([]string, error) {
	environment := append([]string{}, s.Environment...)
	if s.Hub != nil {
		hub, err := s.Hub()
		if err != nil {
			return nil, err
		}
		environment = append(environment, hub...)
	}
	for _, env := range plugin.Env {
		environment = append(environment, env.Name+"="+env.Value)
	}
	return append(environment, "KUBERNETES_EXEC_INFO="+string(info)), nil
}

// memory says how much memory a plugin had that came near the limit, which may be why it failed; empty for any other.
func (s *Source) memory(err error) string {
	var exit *exec.ExitError
	if !errors.As(err, &exit) || s.MemoryLimit == 0 || tookMemory(exit.ProcessState) < s.MemoryLimit/2 {
		return ""
	}
	limit := resource.NewQuantity(s.MemoryLimit, resource.BinarySI)
	return fmt.Sprintf(" (a plugin may take %s of memory, and this one was near it)", limit)
}

func failed(provider string, plugin *clientcmdapi.ExecConfig, err error, said string) error {
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && said != "":
		return failure.New(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s failed (%s): %s",
			name(plugin), provider, exit, said)
	case errors.As(err, &exit):
		return failure.New(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s failed "+
			"(%s) and did not say why", name(plugin), provider, exit)
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		hint := "install it where the consumer runs"
		if plugin.InstallHint != "" {
			hint = plugin.InstallHint
		}
		return failure.New(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s is not there: %s",
			plugin.Command, provider, hint)
	default:
		return failure.New(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s cannot be run: %s",
			plugin.Command, provider, err)
	}
}

// name returns the name of a plugin in messages.
func name(plugin *clientcmdapi.ExecConfig) string { return filepath.Base(plugin.Command) }
