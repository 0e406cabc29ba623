// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// The known extensions of an access provider.
const (
	extensionExec = "client.authentication.k8s.io/exec"
	extensionArgs = "clusterprofiles.multicluster.x-k8s.io/exec/additional-args"
	extensionEnvs = "clusterprofiles.multicluster.x-k8s.io/exec/additional-envs"
)

// extension returns the value of an extension, or nil if it does not exist or is null.
func extension(p provider, name string) []byte {
	for _, e := range p.Cluster.Extensions {
		if raw := bytes.TrimSpace(e.Extension.Raw); e.Name == name && string(raw) != "null" {
			return raw
		}
	}
	return nil
}

// parameters are the parameters of upstream's two plugins.
type parameters struct {
	Name        string `json:"name"`
	Key         string `json:"key"`
	Namespace   string `json:"namespace"`
	ClusterName string `json:"clusterName"`
}

// hasPluginParams: the required parameters of upstream's plugins are set. Those of other plugins are not known.
func hasPluginParams(p provider) string {
	if p.Name != kubeconfigSecretReader && p.Name != secretReader {
		return ""
	}
	raw := extension(p, extensionExec)
	if len(raw) == 0 {
		return fmt.Sprintf("the extension %s is missing", extensionExec)
	}
	var given parameters
	switch err := json.Unmarshal(raw, &given); {
	case err != nil:
		return fmt.Sprintf("the extension %s is not an object of strings", extensionExec)
	case p.Name == secretReader && given.ClusterName == "":
		return fmt.Sprintf("clusterName is missing in the extension %s", extensionExec)
	case p.Name == kubeconfigSecretReader && given.Name == "":
		return fmt.Sprintf("name is missing in the extension %s", extensionExec)
	case p.Name == kubeconfigSecretReader && given.Key == "":
		return fmt.Sprintf("key is missing in the extension %s", extensionExec)
	}
	return ""
}

// hasSecretNamespace: a reference to a Secret has a namespace. Without it, the plugin uses its own and Sveltos the profile's.
func hasSecretNamespace(p provider) string {
	var given parameters
	if p.Name != kubeconfigSecretReader || hasPluginParams(p) != "" {
		return ""
	}
	if err := json.Unmarshal(extension(p, extensionExec), &given); err != nil || given.Namespace != "" {
		return ""
	}
	return fmt.Sprintf("namespace is missing in the extension %s", extensionExec)
}

func extensionsOnce(p provider) string {
	seen := map[string]bool{}
	for _, e := range p.Cluster.Extensions {
		if seen[e.Name] {
			return fmt.Sprintf("there are two extensions named %s", e.Name)
		}
		seen[e.Name] = true
	}
	return ""
}

// argumentsNoList: the arguments are not a list, which their readers expect and the API server rejects.
func argumentsNoList(p provider) string {
	if raw := extension(p, extensionArgs); len(raw) > 0 && raw[0] != '{' {
		return fmt.Sprintf("the extension %s is not an object", extensionArgs)
	}
	return ""
}

// noArguments: the extension for arguments is not set, because the API's schema and its readers require different values.
func noArguments(p provider) string {
	if raw := extension(p, extensionArgs); raw != nil {
		return fmt.Sprintf("the extension %s is set", extensionArgs)
	}
	return ""
}

func noEnvironment(p provider) string {
	for _, e := range p.Cluster.Extensions {
		if e.Name == extensionEnvs {
			return fmt.Sprintf("the extension %s is set", extensionEnvs)
		}
	}
	return ""
}
