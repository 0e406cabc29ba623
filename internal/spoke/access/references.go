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
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// AllNamespaces in References.Namespaces permits references to every namespace.
const AllNamespaces = "*"

// extensionExec is the extension by which a profile tells a plugin which Secret to read.
const extensionExec = "client.authentication.k8s.io/exec"

// With returns the same providers, with other rules for references.
func (p *Providers) With(references References) *Providers {
	options := p.options
	options.References = references
	return &Providers{providers: p.providers, options: options}
}

// References say which Secrets profiles may have plugins read. Who writes a profile names the Secret, and the server that its
// content is sent to; so a reference that leaves the profile's namespace gives the writer what is another's. The profile's
// labels do not help: the same person writes them.
type References struct {
	// Namespaces whose Secrets profiles of any namespace may refer to, beside their own; AllNamespaces for every one.
	Namespaces []string
	// Default is the namespace in which upstream's plugins look where a profile names none.
	Default string
	// Permit, where set, permits more: it is asked for references that leave the profile's namespace.
	Permit func(*inventoryv1alpha1.ClusterProfile, Reference) bool
}

// Reference is a Secret that a profile refers to.
type Reference struct {
	Namespace, Name string
	// Server gets what is in the Secret, through Proxy if that is not empty. The profile names both.
	Server, Proxy string
}

// check returns the reference of an offer, nil for none, and refuses one that is not permitted.
func (r *References) check(profile *inventoryv1alpha1.ClusterProfile, provider *provider, offer *inventoryv1alpha1.AccessProvider) (*Reference, error) {
	reference, err := r.find(provider, offer)
	if reference == nil || err != nil {
		return nil, err
	}
	switch {
	case reference.Namespace == profile.Namespace, slices.Contains(r.Namespaces, AllNamespaces), slices.Contains(r.Namespaces, reference.Namespace):
		return reference, nil
	case r.Permit != nil && r.Permit(profile, *reference):
		return reference, nil
	}
	return reference, failure.New(v1alpha1.ReasonReferenceNotPermitted, "The profile refers to a Secret in the namespace %q, which is not its own; --reference-namespaces permits it", failure.Printable(reference.Namespace, maxNamespace))
}

// maxNamespace is the length of the longest name of a namespace, in bytes.
const maxNamespace = 63

// find reads the reference as the plugin will. What kubeconfig-secretreader has made usual, a field named namespace or the
// fields name and key, is taken for a reference whichever the plugin is.
func (r *References) find(provider *provider, offer *inventoryv1alpha1.AccessProvider) (*Reference, error) {
	var raw []byte
	for _, extension := range offer.Cluster.Extensions {
		if extension.Name == extensionExec {
			raw = extension.Extension.Raw
		}
	}
	fields, err := fold(raw)
	if err != nil {
		return nil, err
	}
	reference := &Reference{Server: offer.Cluster.Server, Proxy: offer.Cluster.ProxyURL}
	if reference.Namespace, err = text(fields, "namespace"); err != nil {
		return nil, err
	}
	name, plugin := "name", filepath.Base(provider.ExecConfig.Command)
	switch {
	case raw == nil:
		return nil, nil
	case plugin == "secretreader":
		// This plugin looks nowhere but in its own namespace.
		name, reference.Namespace = "clusterName", ""
	case plugin == "kubeconfig-secretreader", reference.Namespace != "", has(fields, "name") && has(fields, "key"):
	default:
		return nil, nil
	}
	if reference.Namespace == "" {
		reference.Namespace = r.Default
	}
	// Without a name that can be read, the plugin fails by itself.
	reference.Name, _ = text(fields, name)
	return reference, nil
}

func has(fields map[string]json.RawMessage, name string) bool {
	for field := range fields {
		if strings.EqualFold(field, name) {
			return true
		}
	}
	return false
}

// fold returns the fields of an object. Plugins in Go take a name in any case, so two that differ in case only are refused, as
// there is no telling which one counts. What is no object has no fields.
func fold(raw []byte) (map[string]json.RawMessage, error) {
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
		if has(fields, name) {
			return nil, failure.New(v1alpha1.ReasonInvalidAccess, "The extension %s has the field %q twice; plugins cannot tell which is meant", extensionExec, failure.Printable(name, maxNamespace))
		}
		fields[name] = value
	}
	return fields, nil
}

// text is a field that is a string, empty where it is missing or null.
func text(fields map[string]json.RawMessage, name string) (string, error) {
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
