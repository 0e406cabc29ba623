// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package access turns a ClusterProfile into a way to dial its spoke, through upstream's library and the provider file that
// every consumer of ClusterProfiles reads (KEP-5339).
//
// It is the library plus a belt: v0.1.3 writes one profile's arguments and environment into the configuration it shares with
// all others, so that credentials for the wrong cluster can be fetched; it orders the environment at random, panics on an
// empty extension and drops half of the TLS settings. Here every call works on a copy of its own, and what would go wrong
// is refused beforehand with a reason.
//
// What it does not do: run plugins and dial. A Way holds no credential.
package access

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	clientauthenticationv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	clientauthenticationv1beta1 "k8s.io/client-go/pkg/apis/clientauthentication/v1beta1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/cluster-inventory-api/pkg/access"
	"sigs.k8s.io/json"
)

// maxFile is the size in bytes above which a provider file is refused unread.
const maxFile = 1 << 20

// Options are the liberties a consumer takes with what a profile says.
type Options struct {
	// HonorTLSFields uses tls-server-name and insecure-skip-tls-verify of an access provider. Readers built on v0.1.3 of
	// upstream's library drop both, so a spoke that is reachable only with them is not reachable for those.
	HonorTLSFields bool
	// AllowLocalServers dials servers on loopback and link-local addresses too.
	AllowLocalServers bool
	// References says which Secrets of the hub profiles may have plugins read.
	References References
}

// Providers is what a provider file says, checked. It is never changed after Load and safe for concurrent use.
type Providers struct {
	providers []provider
	options   Options
}

// config is upstream's provider file with what we add. Upstream's reader passes over fields that it does not know, so that one
// file serves all consumers.
type config struct {
	Providers []provider `json:"providers"`
}

type provider struct {
	access.Provider
	// EnvVarsAllowed names the variables that profiles may set for the plugin, where ProfileSourcedEnvVarsPolicy lets them set
	// any: programs run commands and send tokens by variables that no list of forbidden ones could be complete for.
	EnvVarsAllowed []string `json:"profileSourcedEnvVarsAllowed,omitempty"`
}

// Load reads a provider file. It is stricter than upstream's reader, which takes a misspelt field for one that is not there:
// the error names every field that is wrong.
func Load(path string, options Options) (*Providers, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the provider file: %w", err)
	}
	defer func() { _ = file.Close() }()
	raw, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the provider file %s: %w", path, err)
	}
	if len(raw) > maxFile {
		return nil, fmt.Errorf("the provider file %s is larger than %d bytes", path, maxFile)
	}
	providers, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("the provider file %s cannot be used:\n%w", path, err)
	}
	return &Providers{providers: providers, options: options}, nil
}

func parse(raw []byte) ([]provider, error) {
	var config config
	unknown, err := json.UnmarshalStrict(raw, &config)
	if err != nil {
		return nil, fmt.Errorf("it is not JSON of the expected shape: %w", err)
	}
	problems := unknown
	if len(config.Providers) == 0 {
		problems = append(problems, errors.New("providers: must list at least one provider"))
	}
	seen := map[string]int{}
	for i, provider := range config.Providers {
		field := fmt.Sprintf("providers[%d]", i)
		if first, twice := seen[provider.Name]; twice && provider.Name != "" {
			problems = append(problems, fmt.Errorf("%s.name: %q is taken by providers[%d]", field, provider.Name, first))
		} else {
			seen[provider.Name] = i
		}
		problems = append(problems, check(field, provider.Provider)...)
		problems = append(problems, provider.checkEnvVars(field)...)
	}
	return config.Providers, errors.Join(problems...)
}

func check(field string, provider access.Provider) []error {
	var problems []error
	wrong := func(name, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s.%s: "+format, append([]any{field, name}, args...)...))
	}
	if provider.Name == "" {
		wrong("name", "must not be empty")
	}
	switch provider.ProfileSourcedCLIArgsPolicy {
	case "", access.ProfileSourcedCLIArgsPolicyIgnore, access.ProfileSourcedCLIArgsPolicyAppend:
	default:
		wrong("profileSourcedCLIArgsPolicy", "%q is none of Ignore, Append", provider.ProfileSourcedCLIArgsPolicy)
	}
	switch provider.ProfileSourcedEnvVarsPolicy {
	case "", access.ProfileSourcedEnvVarsPolicyIgnore, access.ProfileSourcedEnvVarsPolicyAppendIfNotExists, access.ProfileSourcedEnvVarsPolicyReplace:
	default:
		wrong("profileSourcedEnvVarsPolicy", "%q is none of Ignore, AppendIfNotExists, Replace", provider.ProfileSourcedEnvVarsPolicy)
	}
	if provider.ExecConfig == nil {
		wrong("execConfig", "must be set: credentials come from a plugin")
		return problems
	}
	for _, problem := range checkExec(provider.ExecConfig) {
		problems = append(problems, fmt.Errorf("%s.execConfig.%w", field, problem))
	}
	return problems
}

func checkExec(config *clientcmdapi.ExecConfig) []error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if config.Command == "" {
		wrong("command: must not be empty")
	}
	versions := []string{clientauthenticationv1.SchemeGroupVersion.String(), clientauthenticationv1beta1.SchemeGroupVersion.String()}
	if !slices.Contains(versions, config.APIVersion) {
		wrong("apiVersion: %q is none of %s", config.APIVersion, strings.Join(versions, ", "))
	}
	switch config.InteractiveMode {
	case "", clientcmdapi.NeverExecInteractiveMode, clientcmdapi.IfAvailableExecInteractiveMode:
	case clientcmdapi.AlwaysExecInteractiveMode:
		wrong("interactiveMode: Always cannot work, nobody sits before a consumer")
	default:
		wrong("interactiveMode: %q is none of Never, IfAvailable", config.InteractiveMode)
	}
	named := map[string]bool{}
	for i, env := range config.Env {
		switch {
		case env.Name == "" || strings.ContainsAny(env.Name, "=\x00"):
			wrong("env[%d].name: %q is not the name of a variable", i, env.Name)
		case named[env.Name]:
			wrong("env[%d].name: %q is set twice", i, env.Name)
		case strings.Contains(env.Value, "\x00"):
			wrong("env[%d].value: holds a NUL byte", i)
		}
		named[env.Name] = true
	}
	return problems
}
