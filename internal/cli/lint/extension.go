// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// The extensions of an access provider that have a meaning.
const (
	extensionExec = "client.authentication.k8s.io/exec"
	extensionArgs = "clusterprofiles.multicluster.x-k8s.io/exec/additional-args"
	extensionEnvs = "clusterprofiles.multicluster.x-k8s.io/exec/additional-envs"
)

// extension returns the value of an extension; nil where it is not there, or is null.
func extension(w provider, name string) []byte {
	for _, e := range w.Cluster.Extensions {
		if raw := bytes.TrimSpace(e.Extension.Raw); e.Name == name && string(raw) != "null" {
			return raw
		}
	}
	return nil
}

// parameters is what the two plugins of upstream read.
type parameters struct {
	Name        string `json:"name"`
	Key         string `json:"key"`
	Namespace   string `json:"namespace"`
	ClusterName string `json:"clusterName"`
}

// told: the plugins of upstream are told what they cannot do without. What other plugins want is their own affair.
func hasPluginParams(w provider) string {
	if w.Name != kubeconfigSecretReader && w.Name != secretReader {
		return ""
	}
	raw := extension(w, extensionExec)
	if len(raw) == 0 {
		return fmt.Sprintf("the extension %s is missing", extensionExec)
	}
	var given parameters
	switch err := json.Unmarshal(raw, &given); {
	case err != nil:
		return fmt.Sprintf("the extension %s is no object of strings", extensionExec)
	case w.Name == secretReader && given.ClusterName == "":
		return fmt.Sprintf("clusterName is missing in the extension %s", extensionExec)
	case w.Name == kubeconfigSecretReader && given.Name == "":
		return fmt.Sprintf("name is missing in the extension %s", extensionExec)
	case w.Name == kubeconfigSecretReader && given.Key == "":
		return fmt.Sprintf("key is missing in the extension %s", extensionExec)
	}
	return ""
}

// toldWhere: a reference to a Secret says in which namespace. Without it, the plugin looks in its own and Sveltos in the
// profile's.
func hasSecretNamespace(w provider) string {
	var given parameters
	if w.Name != kubeconfigSecretReader || hasPluginParams(w) != "" || json.Unmarshal(extension(w, extensionExec), &given) != nil || given.Namespace != "" {
		return ""
	}
	return fmt.Sprintf("namespace is missing in the extension %s", extensionExec)
}

func extensionsOnce(w provider) string {
	seen := map[string]bool{}
	for _, e := range w.Cluster.Extensions {
		if seen[e.Name] {
			return fmt.Sprintf("there are two extensions named %s", e.Name)
		}
		seen[e.Name] = true
	}
	return ""
}

// argumentsNoList: the arguments are no list, which is what their readers want and the API server refuses.
func argumentsNoList(w provider) string {
	if raw := extension(w, extensionArgs); len(raw) > 0 && raw[0] != '{' {
		return fmt.Sprintf("the extension %s is no object", extensionArgs)
	}
	return ""
}

// noArguments: nothing is put in the extension for arguments, whose value the API's schema and its readers do not agree on.
func noArguments(w provider) string {
	if raw := extension(w, extensionArgs); raw != nil {
		return fmt.Sprintf("the extension %s is set", extensionArgs)
	}
	return ""
}

func noEnvironment(w provider) string {
	for _, e := range w.Cluster.Extensions {
		if e.Name == extensionEnvs {
			return fmt.Sprintf("the extension %s is set", extensionEnvs)
		}
	}
	return ""
}
