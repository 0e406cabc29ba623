// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
)

// The Secret that Cluster API keeps for every Cluster.
const (
	defaultNameSuffix = "-kubeconfig"
	defaultKey        = "value"
)

// provider is an access provider of the Inventory's, compiled.
type provider struct {
	v1alpha1.AccessProvider
	// exec are the expressions of its field Exec; nil where that is.
	exec *exec
	// publisherClass is that of the Inventory.
	publisherClass string
}

// exec holds the expressions of an exec provider; a nil server means the endpoint of Cluster API's kubeconfig.
type exec struct {
	server, certificateAuthority, tlsServerName *cel.Program
	extension                                   map[string]*cel.Program
	// programs are all of these; some are nil.
	programs []*cel.Program
}

// AccessProviders returns those of an Inventory's specification; the one of Cluster API's kubeconfig where it has none.
func AccessProviders(source []v1alpha1.AccessProvider) []v1alpha1.AccessProvider {
	if len(source) > 0 {
		return source
	}
	return []v1alpha1.AccessProvider{{Name: v1alpha1.ProviderKubeconfigSecret, KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{}}}
}

func compileProviders(compiler *cel.Compiler, source []v1alpha1.AccessProvider) ([]provider, error) {
	var compiled []provider
	var errs []error
	for _, p := range AccessProviders(source) {
		field := fmt.Sprintf("spec.accessProviders[%s]", p.Name)
		switch {
		case p.KubeconfigSecret != nil, p.ServiceAccount != nil:
			compiled = append(compiled, provider{AccessProvider: p})
		case p.Exec != nil:
			exec, err := compileExec(compiler, field+".exec", p.Exec)
			errs = append(errs, err)
			compiled = append(compiled, provider{AccessProvider: p, exec: exec})
		default:
			errs = append(errs, fmt.Errorf("%s: exactly one of kubeconfigSecret, exec and serviceAccount must be set", field))
		}
	}
	return compiled, errors.Join(errs...)
}

func compileExec(compiler *cel.Compiler, field string, source *v1alpha1.ExecAccess) (*exec, error) {
	var errs []error
	compile := func(field string, source v1alpha1.Expression) *cel.Program {
		if source == "" {
			return nil
		}
		program, err := compiler.Compile(string(source))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
		}
		return program
	}
	compiled := &exec{
		server:               compile(field+".server", source.Server),
		certificateAuthority: compile(field+".certificateAuthority", source.CertificateAuthority),
		tlsServerName:        compile(field+".tlsServerName", source.TLSServerName),
		extension:            map[string]*cel.Program{},
	}
	for _, name := range slices.Sorted(maps.Keys(source.Extension)) {
		compiled.extension[name] = compile(fmt.Sprintf("%s.extension[%s]", field, name), source.Extension[name])
	}
	compiled.programs = append(slices.Collect(maps.Values(compiled.extension)),
		compiled.server, compiled.certificateAuthority, compiled.tlsServerName)
	return compiled, errors.Join(errs...)
}

// DefaultSecret returns the Secret in which Cluster API keeps the kubeconfig of the Cluster of a name.
func DefaultSecret(cluster string) SecretKey {
	return SecretKey{Name: cluster + defaultNameSuffix, Key: defaultKey}
}

// EndpointSecret returns the Secret whose kubeconfig gives the endpoint of an access provider, for the Cluster of a name; false where an
// expression gives it.
func EndpointSecret(p v1alpha1.AccessProvider, cluster string) (SecretKey, bool) {
	key := DefaultSecret(cluster)
	if secret := p.KubeconfigSecret; secret != nil {
		key.Name = cluster + cmp.Or(secret.NameSuffix, defaultNameSuffix)
		key.Key = cmp.Or(secret.Key, key.Key)
	}
	return key, p.Exec == nil || p.Exec.Server == ""
}

func (p provider) secret(cluster *clusterv1.Cluster) (SecretKey, bool) {
	return EndpointSecret(p.AccessProvider, cluster.Name)
}

// reference is the Secret that a consumer reads, given the profile; false where it reads none.
func (p provider) reference(cluster *clusterv1.Cluster, profile types.NamespacedName) (secretReference, bool) {
	switch {
	case p.exec != nil:
		return secretReference{}, false
	case p.ServiceAccount != nil:
		return p.grantedSecret(profile), true
	}
	key, _ := p.secret(cluster)
	return secretReference{Key: key.Key, Name: key.Name, Namespace: cluster.Namespace}, true
}

// grantedSecret is the Secret of the AccessGrant that a provider of this name has, if it is one with a serviceAccount.
func (p provider) grantedSecret(profile types.NamespacedName) secretReference {
	name := GrantedSecretName(GrantName(profile.Name, p.Name))
	return secretReference{Key: GrantedSecretKey, Name: name, Namespace: profile.Namespace}
}

// cluster is what the provider publishes in the profile of a Cluster, or why it cannot. A Problem may come with what is published
// nevertheless.
func (p provider) cluster(f Facts, profile types.NamespacedName) (*clientcmdv1.Cluster, *Problem) {
	if p.exec != nil {
		if variable := f.waits(p.exec.programs...); variable != "" {
			return nil, p.skipped("", errors.New(f.Waiting[variable].Why))
		}
		return p.execCluster(f)
	}
	key, _ := p.secret(f.Cluster)
	endpoint, rejected := f.endpoint(f.Cluster, p.Name, key)
	if rejected != nil {
		return nil, rejected
	}
	var notGranted *Problem
	if p.ServiceAccount != nil {
		name := GrantName(profile.Name, p.Name)
		fault, usable := f.grantFault(name, p.subject(f.Cluster, profile.Name), endpoint)
		if fault != "" {
			fault := problem(v1alpha1.ProblemAccessNotGranted,
				"access provider %s: AccessGrant %s/%s %s.", p.Name, profile.Namespace, name, fault)
			notGranted = &fault
		}
		if !usable {
			return nil, notGranted
		}
	}
	reference, _ := p.reference(f.Cluster, profile)
	cluster, err := clusterOf(endpoint, reference)
	if err != nil {
		return nil, p.skipped("", err)
	}
	return cluster, notGranted
}

func (p provider) execCluster(f Facts) (*clientcmdv1.Cluster, *Problem) {
	variables, err := f.variables()
	if err != nil {
		return nil, p.skipped("", err)
	}
	endpoint, rejected := p.execEndpoint(f, variables)
	if rejected != nil {
		return nil, rejected
	}
	var parameters any
	if len(p.exec.extension) > 0 {
		values := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(p.exec.extension)) {
			if values[name], err = p.exec.extension[name].Value(variables); err != nil {
				return nil, p.skipped(fmt.Sprintf("extension[%s]", name), err)
			}
		}
		parameters = values
	}
	cluster, err := clusterOf(endpoint, parameters)
	if err != nil {
		return nil, p.skipped("", err)
	}
	return cluster, nil
}

func (p provider) execEndpoint(f Facts, variables map[string]any) (endpoint.Endpoint, *Problem) {
	if key, fromSecret := p.secret(f.Cluster); fromSecret {
		if found := f.Kubeconfigs[key]; found.Rejected != nil && found.Rejected.EndpointUsable {
			// No consumer reads that kubeconfig for credentials.
			return found.Endpoint, nil
		}
		return f.endpoint(f.Cluster, p.Name, key)
	}
	var texts [3]string
	for i, e := range []struct {
		field   string
		program *cel.Program
	}{{"server", p.exec.server}, {"certificateAuthority", p.exec.certificateAuthority}, {"tlsServerName", p.exec.tlsServerName}} {
		if e.program == nil {
			continue
		}
		text, err := e.program.Text(variables)
		if err != nil {
			return endpoint.Endpoint{}, p.skipped(e.field, err)
		}
		texts[i] = text
	}
	published, err := endpoint.NewEndpoint(texts[0], []byte(texts[1]), texts[2])
	if err != nil {
		return endpoint.Endpoint{}, p.skipped("", err)
	}
	return published, nil
}

func (p provider) skipped(field string, err error) *Problem {
	if field != "" {
		err = fmt.Errorf("%s %w", field, err)
	}
	skipped := problem(v1alpha1.ProblemAccessProviderSkipped, "access provider %s: %v.", p.Name, err)
	return &skipped
}
