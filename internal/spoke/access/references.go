// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"bytes"
	"encoding/json"
	"path/filepath"
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

// check returns the reference of an offer, or nil, and an error if it is not permitted.
func (r *References) check(
	profile *inventoryv1alpha1.ClusterProfile, provider *provider, offer *inventoryv1alpha1.AccessProvider,
) (*Reference, error) {
	reference, err := r.find(provider, offer)
	if reference == nil || err != nil {
		return nil, err
	}
	switch {
	case reference.Namespace == profile.Namespace,
		slices.Contains(r.Namespaces, AllNamespaces),
		slices.Contains(r.Namespaces, reference.Namespace):
		return reference, nil
	case r.Permit != nil && r.Permit(profile, *reference):
		return reference, nil
	}
	return reference, failure.New(v1alpha1.ReasonReferenceNotPermitted, "The profile refers to a Secret in the namespace "+
		"%q, which is not its own; --reference-namespaces permits it", printable.Line(reference.Namespace, maxNamespace))
}

// maxNamespace is the length of the longest name of a namespace, in bytes.
const maxNamespace = 63

// find reads the reference as the plugin will. A field named namespace, or the fields name and key, as kubeconfig-secretreader uses
// them, are a reference for every plugin.
func (r *References) find(provider *provider, offer *inventoryv1alpha1.AccessProvider) (*Reference, error) {
	var raw []byte
	for _, extension := range offer.Cluster.Extensions {
		if extension.Name == extensionExec {
			raw = extension.Extension.Raw
		}
	}
	fields, err := parseFields(raw)
	if err != nil {
		return nil, err
	}
	reference := &Reference{Server: offer.Cluster.Server, Proxy: offer.Cluster.ProxyURL}
	if reference.Namespace, err = stringField(fields, "namespace"); err != nil {
		return nil, err
	}
	name, plugin := "name", filepath.Base(provider.ExecConfig.Command)
	switch {
	case raw == nil:
		return nil, nil
	case plugin == "secretreader":
		// This plugin reads in its own namespace only.
		name, reference.Namespace = "clusterName", ""
	case plugin == "kubeconfig-secretreader", reference.Namespace != "", hasField(fields, "name") && hasField(fields, "key"):
	default:
		return nil, nil
	}
	if reference.Namespace == "" {
		reference.Namespace = r.Default
	}
	// If the name cannot be read, the plugin fails.
	reference.Name, _ = stringField(fields, name)
	return reference, nil
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
