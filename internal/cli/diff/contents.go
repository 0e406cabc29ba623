// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	"k8s.io/utils/ptr"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// contents are what a claim wants its profile to say.
type contents struct {
	// fields are the values of the fields, by path; nil if the Cluster cannot be published at all.
	fields   map[string]string
	problems []profile.Problem
	// access reports whether an access provider would be published now.
	access bool
}

// contents returns what a claim wants its profile to say, by the publisher's core.
func (p *pass) contents(claim profile.Claim) contents {
	known, found := p.wanted[claim]
	if !found {
		known = p.evaluate(claim)
		p.wanted[claim] = known
	}
	return known
}

func (p *pass) evaluate(claim profile.Claim) contents {
	facts := p.facts(claim)
	wanted, problems := claim.Inventory.Profile(facts)
	if wanted == nil {
		return contents{problems: problems}
	}
	status, more := claim.Inventory.Status(facts, 0)
	out := contents{fields: map[string]string{}, access: len(status.Status.AccessProviders) > 0}
	for key, value := range wanted.Labels {
		out.fields["metadata.labels["+key+"]"] = value
	}
	for key, value := range wanted.Annotations {
		out.fields["metadata.annotations["+key+"]"] = value
	}
	out.set("spec.displayName", ptr.Deref(wanted.Spec.DisplayName, ""))
	out.addStatus(status.Status)
	asked, _, err := claim.Inventory.Grants(facts)
	if err != nil {
		// The specification of a grant is always JSON.
		more = append(more, profile.NewProblem(v1alpha1.ProblemPublishFailed, "%v", err))
	}
	for _, grant := range asked {
		raw, _ := json.Marshal(grant.Spec.ServiceAccount)
		out.set("serviceAccounts["+ptr.Deref(grant.Spec.Provider, "")+"]", string(raw))
	}
	out.problems = slices.DeleteFunc(append(problems, more...), func(problem profile.Problem) bool {
		// No edit changes the version, so nothing is read for it.
		return problem.Reason == v1alpha1.ProblemVersionNotReported || strings.HasPrefix(problem.Message, notRead)
	})
	return out
}

// set sets a field that is not empty.
func (c *contents) set(path, value string) {
	if value != "" {
		c.fields[path] = value
	}
}

func (c *contents) addStatus(status *inventoryac.ClusterProfileStatusApplyConfiguration) {
	if status.Version != nil {
		c.set("status.version.kubernetes", ptr.Deref(status.Version.Kubernetes, ""))
	}
	for _, condition := range status.Conditions {
		c.set("status.conditions["+*condition.Type+"]", fmt.Sprintf("%s (%s)", *condition.Status, *condition.Reason))
	}
	for _, property := range status.Properties {
		c.set("status.properties["+*property.Name+"]", *property.Value)
	}
	names := make([]string, 0, len(status.AccessProviders))
	for _, provider := range status.AccessProviders {
		names = append(names, *provider.Name)
		c.addProvider("status.accessProviders["+*provider.Name+"].", provider.Cluster)
	}
	c.set("status.accessProviders", strings.Join(names, ", "))
}

func (c *contents) addProvider(path string, cluster *clientcmdv1.Cluster) {
	c.set(path+"server", cluster.Server)
	c.set(path+"proxy-url", cluster.ProxyURL)
	c.set(path+"tls-server-name", cluster.TLSServerName)
	if cluster.InsecureSkipTLSVerify {
		c.set(path+"insecure-skip-tls-verify", "true")
	}
	c.set(path+"certificate-authority-data", string(cluster.CertificateAuthorityData))
	for _, extension := range cluster.Extensions {
		c.set(path+"extensions["+extension.Name+"]", string(extension.Extension.Raw))
	}
}

// compareFields returns the fields that differ, by path.
func compareFields(before, after map[string]string) []Field {
	paths := maps.Clone(before)
	maps.Copy(paths, after)
	var fields []Field
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if before[path] != after[path] {
			fields = append(fields, Field{Path: path, Before: before[path], After: after[path]})
		}
	}
	return fields
}

func problemsOf(problems []profile.Problem) []Problem {
	out := make([]Problem, 0, len(problems))
	for _, problem := range problems {
		out = append(out, Problem{Reason: problem.Reason, Message: problem.Message})
	}
	return out
}
