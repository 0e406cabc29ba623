// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package access finds out how to connect to the spoke of a ClusterProfile, by upstream's library and the provider file that every
// consumer of ClusterProfiles reads (KEP-5339).
//
// It works around defects of the library: v0.1.3 writes one profile's arguments and environment into the configuration that it shares
// with all others, so that credentials for the wrong cluster can be fetched; it orders the environment at random, panics on an empty
// extension and drops half of the TLS settings. Here every call works on a copy, and what would fail is rejected before with a reason.
//
// It does not run plugins and does not dial. A Connection holds no credential.
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

// maxFile is the size in bytes above which a provider file is rejected.
const maxFile = 1 << 20

// Options say what a consumer accepts from profiles.
type Options struct {
	// HonorTLSFields uses tls-server-name and insecure-skip-tls-verify of an access provider. Readers built on v0.1.3 of
	// upstream's library drop both, so they cannot reach a spoke that needs them.
	HonorTLSFields bool
	// AllowLocalServers dials servers on loopback and link-local addresses too.
	AllowLocalServers bool
	// References say which Secrets of the hub profiles may make plugins read.
	References References
}

// Providers is the validated content of a provider file. It is immutable and safe for concurrent use.
type Providers struct {
	providers []provider
	options   Options
}

// config is upstream's provider file with our additions. Upstream's reader ignores unknown fields, so that one file serves all
// consumers.
type config struct {
	Providers []provider `json:"providers"`
}

type provider struct {
	access.Provider
	// EnvVarsAllowed are the variables that profiles may set for the plugin, if ProfileSourcedEnvVarsPolicy allows any. A list of
	// forbidden variables could not be complete: many make programs run commands or send tokens.
	EnvVarsAllowed []string `json:"profileSourcedEnvVarsAllowed,omitempty"`
	// ClusterNameAllowed says that the plugin reads no Secret by the field clusterName of an extension, so that profiles of every
	// namespace may set it.
	ClusterNameAllowed bool `json:"profileSourcedClusterNameAllowed,omitempty"`
}

// Load reads a provider file. It is stricter than upstream's reader, which ignores misspelt fields: the error names every field that is
// wrong.
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
		problems = append(problems, provider.checkClusterName(field)...)
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
		wrong("profileSourcedCLIArgsPolicy", "%q is not Ignore or Append", provider.ProfileSourcedCLIArgsPolicy)
	}
	switch provider.ProfileSourcedEnvVarsPolicy {
	case "", access.ProfileSourcedEnvVarsPolicyIgnore, access.ProfileSourcedEnvVarsPolicyAppendIfNotExists,
		access.ProfileSourcedEnvVarsPolicyReplace:
	default:
		wrong("profileSourcedEnvVarsPolicy", "%q is not Ignore, AppendIfNotExists or Replace", provider.ProfileSourcedEnvVarsPolicy)
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
		wrong("apiVersion: %q is not %s", config.APIVersion, strings.Join(versions, " or "))
	}
	switch config.InteractiveMode {
	case "", clientcmdapi.NeverExecInteractiveMode, clientcmdapi.IfAvailableExecInteractiveMode:
	case clientcmdapi.AlwaysExecInteractiveMode:
		wrong("interactiveMode: Always is not supported, a consumer has no terminal")
	default:
		wrong("interactiveMode: %q is not Never or IfAvailable", config.InteractiveMode)
	}
	named := map[string]bool{}
	for i, env := range config.Env {
		switch {
		case env.Name == "" || strings.ContainsAny(env.Name, "=\x00"):
			wrong("env[%d].name: %q is not a valid variable name", i, env.Name)
		case named[env.Name]:
			wrong("env[%d].name: %q is set twice", i, env.Name)
		case strings.Contains(env.Value, "\x00"):
			wrong("env[%d].value: contains a NUL byte", i)
		}
		named[env.Name] = true
	}
	return problems
}
