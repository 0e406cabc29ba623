// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/printable"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// AllNamespaces in References.Namespaces permits references to every namespace.
const AllNamespaces = "*"

// extensionExec is the extension that says which Secret a plugin reads.
const extensionExec = "client.authentication.k8s.io/exec"

// With returns the same providers, with other rules for references.
func (p *Providers) With(references References) *Providers {
	options := p.options
	options.References = references
	return &Providers{providers: p.providers, options: options}
}

// References say which Secrets profiles may make plugins read. The writer of a profile chooses the Secret, and the server that its
// content is sent to; so a reference to another namespace gives the writer a Secret of another tenant. The profile's labels do not
// help: the same user writes them.
type References struct {
	// Namespaces whose Secrets profiles of any namespace may refer to, beside their own; AllNamespaces for every one.
	Namespaces []string
	// Default is the namespace that upstream's plugins use if a profile has none.
	Default string
	// Permit, if set, permits more: it is called for references to other namespaces than the profile's.
	Permit func(*inventoryv1alpha1.ClusterProfile, Reference) bool
}

// Reference is a Secret that a profile refers to.
type Reference struct {
	Namespace, Name string
	// Server gets the content of the Secret, through Proxy if that is not empty. Both are the profile's.
	Server, Proxy string
}

// found is a reference, with what else than --reference-namespaces permits it.
type found struct {
	Reference
	hint string
}

// check returns the reference of an offer, or nil, and an error if it is not permitted. Of several, it is the one that is not permitted,
// else one to another namespace than the profile's.
func (r *References) check(
	profile *inventoryv1alpha1.ClusterProfile, provider *provider, offer *inventoryv1alpha1.AccessProvider,
) (*Reference, error) {
	references, err := r.find(provider, offer)
	if len(references) == 0 || err != nil {
		return nil, err
	}
	reference := &references[0].Reference
	for i := range references {
		if references[i].Namespace == profile.Namespace {
			continue
		}
		reference = &references[i].Reference
		if !r.permits(profile, reference) {
			return reference, failure.New(v1alpha1.ReasonReferenceNotPermitted, "The profile refers to a Secret in the namespace %q, "+
				"which is not its own; --reference-namespaces permits it%s",
				printable.Line(reference.Namespace, maxNamespace), references[i].hint)
		}
	}
	return reference, nil
}

// permits reports whether a profile may refer to a Secret of another namespace than its own.
func (r *References) permits(profile *inventoryv1alpha1.ClusterProfile, reference *Reference) bool {
	return slices.Contains(r.Namespaces, AllNamespaces) || slices.Contains(r.Namespaces, reference.Namespace) ||
		r.Permit != nil && r.Permit(profile, *reference)
}

// maxNamespace is the length of the longest name of a namespace, in bytes.
const maxNamespace = 63

// find reads the references as the plugin will. Only where the command is one of upstream's plugins it is known which fields count: any
// other command may run one of these. So for every other plugin a field named namespace, the fields name and key, as
// kubeconfig-secretreader uses them, and a field named clusterName, as secretreader does, are references.
func (r *References) find(provider *provider, offer *inventoryv1alpha1.AccessProvider) ([]found, error) {
	raw := execExtension(offer)
	fields, err := parseFields(raw)
	if err != nil {
		return nil, err
	}
	namespace, err := stringField(fields, "namespace")
	if err != nil || raw == nil {
		return nil, err
	}
	command, named := pluginName(provider.ExecConfig.Command), pluginName(provider.Name)
	var references []found
	add := func(namespace, field, hint string) {
		// If the name cannot be read, the plugin fails.
		name, _ := stringField(fields, field)
		references = append(references, found{hint: hint, Reference: Reference{
			Namespace: cmp.Or(namespace, r.Default), Name: name, Server: offer.Cluster.Server, Proxy: offer.Cluster.ProxyURL,
		}})
	}
	if command == tokenReader {
		// This plugin reads in its own namespace only.
		add("", "clusterName", "")
		return references, nil
	}
	if command == kubeconfigReader || named == kubeconfigReader || namespace != "" ||
		hasField(fields, "name") && hasField(fields, "key") {
		add(namespace, "name", "")
	}
	switch {
	case command == kubeconfigReader:
	case named == tokenReader:
		add("", "clusterName", "")
	case hasField(fields, "clusterName") && !provider.ClusterNameAllowed:
		add("", "clusterName", ", and "+fieldClusterName+" of the provider "+provider.Name+
			" does if its plugin reads no Secret by clusterName")
	}
	return references, nil
}

// execExtension returns the value of the extension that says which Secret a plugin reads, or nil.
func execExtension(offer *inventoryv1alpha1.AccessProvider) []byte {
	for _, extension := range offer.Cluster.Extensions {
		if extension.Name == extensionExec {
			return extension.Extension.Raw
		}
	}
	return nil
}

func hasField(fields map[string]json.RawMessage, name string) bool {
	for field := range fields {
		if strings.EqualFold(field, name) {
			return true
		}
	}
	return false
}

// parseFields returns the fields of an object; none of anything that is not an object. Plugins in Go accept field names in any case, so
// two that differ in case only are rejected.
func parseFields(raw []byte) (map[string]json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if token, _ := decoder.Token(); token != json.Delim('{') {
		return fields, nil
	}
	for decoder.More() {
		token, errName := decoder.Token()
		name, _ := token.(string)
		var value json.RawMessage
		if errName != nil || decoder.Decode(&value) != nil {
			return nil, failure.New(v1alpha1.ReasonInvalidAccess, "The extension %s is not JSON", extensionExec)
		}
		if hasField(fields, name) {
			return nil, failure.New(v1alpha1.ReasonInvalidAccess, "The extension %s has the field %q twice; plugins "+
				"cannot know which to use", extensionExec, printable.Line(name, maxNamespace))
		}
		fields[name] = value
	}
	return fields, nil
}

// stringField returns a field that is a string; empty if it is missing or null.
func stringField(fields map[string]json.RawMessage, name string) (string, error) {
	for field, raw := range fields {
		if !strings.EqualFold(field, name) {
			continue
		}
		var value *string
		if err := json.Unmarshal(raw, &value); err != nil {
			return "", failure.New(v1alpha1.ReasonInvalidAccess, "The extension %s: the field %s is not a string", extensionExec, name)
		}
		if value != nil {
			return *value, nil
		}
	}
	return "", nil
}
