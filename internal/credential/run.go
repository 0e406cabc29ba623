// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/stage"
)

const (
	// maxAnswer is the size in bytes above which a plugin's answer is dropped.
	maxAnswer = 256 << 10
	// grace is how long a plugin's children may keep its output open after it has ended.
	grace = 500 * time.Millisecond
)

// inherited are the variables that a plugin needs to run at all and to reach the hub. Everything else, the consumer's own
// secrets among it, has to be named in the provider file.
var inherited = []string{
	"PATH", "HOME", "TMPDIR", "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
}

// Inherited is the part of this process's environment that plugins are given.
func Inherited() []string {
	var environment []string
	for _, name := range inherited {
		if value, ok := os.LookupEnv(name); ok {
			environment = append(environment, name+"="+value)
		}
	}
	return environment
}

// run runs a plugin once. It returns when the plugin has ended, at the latest a moment after the deadline; by then every
// process of the plugin's group has been killed.
func (s *Source) run(ctx context.Context, provider string, plugin *clientcmdapi.ExecConfig, info []byte) (*Credential, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	stdout, stderr := &limited{limit: maxAnswer, exceeded: cancel}, &tail{}
	command := exec.CommandContext(ctx, plugin.Command, plugin.Args...)
	command.Env = s.environment(plugin, info)
	command.Stdout, command.Stderr = stdout, stderr
	command.WaitDelay = grace
	inGroup(command)
	err := command.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		// The plugin itself has ended well, but a child of it holds on to its output.
		killGroup(command)
		err = nil
	}
	switch {
	case stdout.overflowed():
		return nil, stage.Fail(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s wrote more than %d bytes and was killed", name(plugin), provider, maxAnswer)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, stage.Fail(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s gave no answer within %s and was killed", name(plugin), provider, s.Timeout)
	case err != nil:
		return nil, failed(provider, plugin, err, stderr.lastLine(plugin.Env))
	}
	credential, err := parse(stdout.bytes(), plugin.APIVersion)
	if err != nil {
		return nil, stage.Fail(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s %s", name(plugin), provider, err)
	}
	return credential, nil
}

// environment is the clean one, then the provider file's, then the question: of two values for a name, the last counts.
func (s *Source) environment(plugin *clientcmdapi.ExecConfig, info []byte) []string {
	environment := append([]string{}, s.Environment...)
	for _, env := range plugin.Env {
		environment = append(environment, env.Name+"="+env.Value)
	}
	return append(environment, "KUBERNETES_EXEC_INFO="+string(info))
}

func failed(provider string, plugin *clientcmdapi.ExecConfig, err error, said string) error {
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && said != "":
		return stage.Fail(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s failed (%s): %s", name(plugin), provider, exit, said)
	case errors.As(err, &exit):
		return stage.Fail(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s failed (%s) and did not say why", name(plugin), provider, exit)
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		hint := "install it where the consumer runs"
		if plugin.InstallHint != "" {
			hint = plugin.InstallHint
		}
		return stage.Fail(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s is not there: %s", plugin.Command, provider, hint)
	default:
		return stage.Fail(v1alpha1.ReasonCredentialsFailed, "The plugin %s of the access provider %s cannot be run: %s", plugin.Command, provider, err)
	}
}

// name is what to call a plugin in a message.
func name(plugin *clientcmdapi.ExecConfig) string { return filepath.Base(plugin.Command) }
