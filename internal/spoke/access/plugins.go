// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"fmt"
	"path/filepath"
	"strings"
)

// The plugins of upstream that read a Secret of the hub.
const (
	kubeconfigReader = "kubeconfig-secretreader"
	tokenReader      = "secretreader"
)

// fieldClusterName is the field of ClusterNameAllowed in the provider file.
const fieldClusterName = "profileSourcedClusterNameAllowed"

// pluginName returns the name of a plugin without what differs between its builds: upstream ships secretreader as secretreader-plugin,
// and Windows adds .exe.
func pluginName(command string) string {
	name := strings.TrimSuffix(strings.ToLower(filepath.Base(command)), ".exe")
	return strings.TrimSuffix(name, "-plugin")
}

// checkClusterName returns an error if the file denies that secretreader reads a Secret.
func (p *provider) checkClusterName(field string) []error {
	reads := pluginName(p.Name) == tokenReader || p.ExecConfig != nil && pluginName(p.ExecConfig.Command) == tokenReader
	if !p.ClusterNameAllowed || !reads {
		return nil
	}
	return []error{fmt.Errorf("%s.%s: must not be set: the plugin %s reads the Secret of that name; --reference-namespaces permits it",
		field, fieldClusterName, tokenReader)}
}
