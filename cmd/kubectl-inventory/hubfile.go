// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/capi-inventory/capi-inventory/internal/cli/kubeconfig"
)

// none is the value of --plugin-kubeconfig for plugins that need no hub.
const none = "none"

// hubOfPlugins returns the kubeconfig by which the plugins in a written kubeconfig connect to the hub; empty if they need none.
func (w *writer) hubOfPlugins() (string, error) {
	switch w.pluginKubeconfig {
	case none:
		return "", nil
	case "":
		hub, err := w.pluginHub()
		if err != nil {
			return "", err
		}
		return kubeconfig.HubFile(hub, w.hubFlags(), w.to)
	}
	path, err := filepath.Abs(w.pluginKubeconfig)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return "", fmt.Errorf("--plugin-kubeconfig: %w", err)
	}
	if kubeconfig.SameFile(path, w.to) {
		return "", errors.New("--plugin-kubeconfig: it is the file of --to, whose current context is no longer the hub when a spoke " +
			"is used; set it to another kubeconfig of the hub")
	}
	return path, nil
}

// hubFlags returns the flags that are set and change the connection to the hub.
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
