// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/cluster-inventory-api/pkg/access"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/printable"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// The extensions of KEP-5339 that add to a plugin's command line and environment; upstream does not export their names.
const (
	extensionArgs = "clusterprofiles.multicluster.x-k8s.io/exec/additional-args"
	extensionEnvs = "clusterprofiles.multicluster.x-k8s.io/exec/additional-envs"
)

// extensions returns the extensions that the library can use: it fails on two of one name, and panics if an environment to merge is
// null.
func extensions(provider *provider, all []clientcmdv1.NamedExtension) ([]clientcmdv1.NamedExtension, error) {
	seen := map[string]bool{}
	var kept []clientcmdv1.NamedExtension
	for _, extension := range all {
		if seen[extension.Name] {
			return nil, failure.New(v1alpha1.ReasonInvalidAccess, "The access provider has two extensions named %q; readers "+
				"cannot know which to use", extension.Name)
		}
		seen[extension.Name] = true
		raw := bytes.TrimSpace(extension.Extension.Raw)
		if len(raw) == 0 || string(raw) == "null" {
			continue
		}
		if err := checkExtension(provider, extension.Name, raw); err != nil {
			return nil, err
		}
		kept = append(kept, extension)
	}
	return kept, nil
}

func checkExtension(provider *provider, name string, raw []byte) error {
	switch name {
	case extensionArgs:
		var args []string
		if accepts(string(provider.ProfileSourcedCLIArgsPolicy)) && json.Unmarshal(raw, &args) != nil {
			return failure.New(v1alpha1.ReasonInvalidAccess, "The extension %s is not a list of strings", name)
		}
	case extensionEnvs:
		if accepts(string(provider.ProfileSourcedEnvVarsPolicy)) {
			return provider.checkEnvs(name, raw)
		}
	}
	return nil
}

// maxEnvName is how much of a variable's name a message quotes, in bytes.
const maxEnvName = 64

// checkEnvs returns an error for variables that the provider file does not allow.
func (p *provider) checkEnvs(extension string, raw []byte) error {
	var envs map[string]string
	if json.Unmarshal(raw, &envs) != nil {
		return failure.New(v1alpha1.ReasonInvalidAccess, "The extension %s is not a map of strings", extension)
	}
	for _, env := range slices.Sorted(maps.Keys(envs)) {
		if !slices.Contains(p.EnvVarsAllowed, env) {
			return failure.New(v1alpha1.ReasonInvalidAccess, "The extension %s sets the variable %q, which "+
				"profileSourcedEnvVarsAllowed of the provider %s does not list", extension, printable.Line(env, maxEnvName), p.Name)
		}
		if strings.Contains(envs[env], "\x00") {
			return failure.New(v1alpha1.ReasonInvalidAccess, "The extension %s sets the variable %q "+
				"to a value with a NUL byte", extension, env)
		}
	}
	return nil
}

// accepts reports whether a policy accepts anything from profiles.
func accepts(policy string) bool {
	return policy != "" && policy != string(access.ProfileSourcedCLIArgsPolicyIgnore)
}

// variable matches the name of a variable (POSIX).
var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// checkEnvVars returns what is wrong with the list of allowed variables.
func (p *provider) checkEnvVars(field string) []error {
	const list = "profileSourcedEnvVarsAllowed"
	var problems []error
	for i, env := range p.EnvVarsAllowed {
		switch {
		case !variable.MatchString(env):
			problems = append(problems, fmt.Errorf("%s.%s[%d]: %q is not a valid variable name", field, list, i, env))
		case reserved(env):
			problems = append(problems, fmt.Errorf("%s.%s[%d]: %q must not be set by profiles", field, list, i, env))
		}
	}
	if len(p.EnvVarsAllowed) > 0 && !accepts(string(p.ProfileSourcedEnvVarsPolicy)) {
		problems = append(problems, fmt.Errorf("%s.%s: has no effect while profileSourcedEnvVarsPolicy accepts none", field, list))
	}
	return problems
}

// reserved reports whether a variable decides, for any plugin, which program runs, or with which credentials and proxies it connects: a
// profile that set it could send the consumer's own credentials to another server.
func reserved(env string) bool {
	upper := strings.ToUpper(env)
	switch upper {
	case "PATH", "HOME", "KUBECONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR", "ENV", "IFS":
		return true
	}
	hasPrefix := func(prefix string) bool { return strings.HasPrefix(upper, prefix) }
	return strings.HasSuffix(upper, "_PROXY") || slices.ContainsFunc([]string{"LD_", "DYLD_", "KUBERNETES_", "BASH_"}, hasPrefix)
}

func checkCertificates(bundle []byte) error {
	if len(bundle) > 0 && !x509.NewCertPool().AppendCertsFromPEM(bundle) {
		return failure.New(v1alpha1.ReasonInvalidAccess, "The certificate-authority-data contains no PEM certificate")
	}
	return nil
}

func offered(offers []inventoryv1alpha1.AccessProvider) string {
	names := make([]string, 0, len(offers))
	for _, offer := range offers {
		names = append(names, offer.Name)
	}
	return list(names)
}

func (p *Providers) known() string {
	names := make([]string, 0, len(p.providers))
	for _, provider := range p.providers {
		names = append(names, provider.Name)
	}
	return list(names)
}

// list joins at most five names, sorted, so that a message is short and stable.
func list(names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > 5 {
		names = append(names[:5], "others")
	}
	return strings.Join(names, ", ")
}
