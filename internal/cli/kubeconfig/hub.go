// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package kubeconfig

import (
	"fmt"
	"os"
	"strings"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capi-inventory/capi-inventory/internal/spoke/credential/hubconfig"
)

// HubFile returns the kubeconfig by which the plugins in a written kubeconfig connect to the hub; empty if they need none, in a pod of
// the hub. flags are the flags that select the hub, and target is the file that will be written; empty for the standard output.
//
// Without one, a plugin reads the same kubeconfig as kubectl, which is the written file as soon as a user selects it: it would look for
// its Secret on the spoke. So the file is rejected if it is the written one, whose current context may become a spoke's, or if its
// current context is not the hub.
func HubFile(hub *hubconfig.Hub, flags []string, target string) (string, error) {
	const hint = "; set --plugin-kubeconfig to a kubeconfig of the hub, or to none if plugins need no hub, or use --embed"
	switch {
	case hub.InCluster:
		return "", nil
	case hub.File == "" && len(flags) > 0:
		return "", fmt.Errorf("%s: plugins do not know these flags, they use the current context of one kubeconfig%s",
			strings.Join(flags, ", "), hint)
	case hub.File == "":
		return "", fmt.Errorf("KUBECONFIG: the hub is merged from %d files, and plugins read only one%s", len(hub.Files), hint)
	case SameFile(hub.File, target):
		return "", fmt.Errorf("--to: plugins connect to the hub by the current context of %s, which is no longer the hub when a spoke "+
			"is used%s",
			target, hint)
	}
	return hub.File, nil
}

// SameFile reports whether two paths are those of one file; an empty path is that of none.
func SameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	one, errOne := os.Stat(a)
	other, errOther := os.Stat(b)
	return a == b || errOne == nil && errOther == nil && os.SameFile(one, other)
}

// inPod is the variable that makes a plugin use the cluster of its pod.
const inPod = "KUBERNETES_SERVICE_HOST"

// outOfPod keeps a plugin with a kubeconfig from using the cluster of its pod instead.
func outOfPod(plugin *clientcmdapi.ExecConfig) {
	if os.Getenv(inPod) != "" && !setsVariable(plugin, inPod) {
		plugin.Env = append(plugin.Env, clientcmdapi.ExecEnvVar{Name: inPod})
	}
}
