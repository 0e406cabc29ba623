// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// noHub is the value of --plugin-kubeconfig for plugins that need no hub.
const noHub = "none"

// hubOfPlugins is the kubeconfig by which the plugins in a written kubeconfig find the hub; empty where they need none.
//
// A plugin that is not told reads what kubectl reads: the written file itself, as soon as somebody uses it. It would look
// for its Secret on the spoke, and need itself to get there. So it is told, and a file that would lead it astray is refused:
// the file that is written, whose current context may become a spoke's, and one whose current context is not the hub.
func (w *writer) hubOfPlugins() (string, error) {
	switch w.pluginKubeconfig {
	case noHub:
		return "", nil
	case "":
	default:
		path, err := filepath.Abs(w.pluginKubeconfig)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return "", fmt.Errorf("--plugin-kubeconfig: %w", err)
		}
		return path, nil
	}
	const instead = "; name a kubeconfig for them with --plugin-kubeconfig, or say none if they need no hub, or use --embed"
	found, err := w.pluginHub()
	switch {
	case err != nil:
		return "", err
	case found.InCluster:
		return "", nil
	case found.File == "" && len(w.hubFlags()) > 0:
		return "", fmt.Errorf("%s: plugins know nothing of it, they take the current context of one kubeconfig%s", strings.Join(w.hubFlags(), ", "), instead)
	case found.File == "":
		return "", fmt.Errorf("KUBECONFIG: the hub is put together from %d files, and plugins read one%s", len(found.Files), instead)
	case w.to != "" && same(found.File, w.to):
		return "", fmt.Errorf("--to: plugins find the hub by the current context of %s, which would no longer be the hub once a spoke's is used%s", w.to, instead)
	}
	return found.File, nil
}

// hubFlags are the flags that say something of the hub which no kubeconfig does.
func (w *writer) hubFlags() []string {
	var flags []string
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"context", *w.config.Context != ""},
		{"cluster", *w.config.ClusterName != ""},
		{"user", *w.config.AuthInfoName != ""},
		{"server", *w.config.APIServer != ""},
		{"tls-server-name", *w.config.TLSServerName != ""},
		{"insecure-skip-tls-verify", *w.config.Insecure},
		{"certificate-authority", *w.config.CAFile != ""},
		{"client-certificate", *w.config.CertFile != ""},
		{"client-key", *w.config.KeyFile != ""},
		{"token", *w.config.BearerToken != ""},
		{"as", *w.config.Impersonate != ""},
		{"as-uid", *w.config.ImpersonateUID != ""},
		{"as-group", len(*w.config.ImpersonateGroup) > 0},
		{"disable-compression", *w.config.DisableCompression},
	} {
		if flag.set {
			flags = append(flags, "--"+flag.name)
		}
	}
	return flags
}

// inPod is the variable without which a plugin does not take the cluster of the pod that it runs in.
const inPod = "KUBERNETES_SERVICE_HOST"

// outOfPod keeps a plugin that is told where the hub is from taking the cluster of its pod in place of it.
func outOfPod(user *clientcmdapi.AuthInfo) {
	if os.Getenv(inPod) == "" || slices.ContainsFunc(user.Exec.Env, func(env clientcmdapi.ExecEnvVar) bool { return env.Name == inPod }) {
		return
	}
	user.Exec.Env = append(user.Exec.Env, clientcmdapi.ExecEnvVar{Name: inPod})
}

func same(a, b string) bool {
	one, errOne := os.Stat(a)
	other, errOther := os.Stat(b)
	return a == b || errOne == nil && errOther == nil && os.SameFile(one, other)
}
