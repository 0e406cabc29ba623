// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// kindReference returns the section of a kind: a row for each field of its spec and status.
func kindReference(t *testing.T, resource string) string {
	t.Helper()
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal([]byte(contents(t, "config/crd/bases/capi-inventory.dev_"+resource+".yaml")), &crd); err != nil {
		t.Fatal(err)
	}
	version := crd.Spec.Versions[0]
	rows := []string{
		fmt.Sprintf("\n## %s\n\n`%s/%s`, in the scope %s.\n\n| Field | Type | Meaning |\n|---|---|---|\n",
			crd.Spec.Names.Kind, crd.Spec.Group, version.Name, crd.Spec.Scope),
	}
	for _, part := range []string{"spec", "status"} {
		if schema, ok := version.Schema.OpenAPIV3Schema.Properties[part]; ok {
			rows = append(rows, fieldRows(part, schema)...)
		}
	}
	return strings.Join(rows, "")
}

// wellKnown are fields of types that Kubernetes documents.
var wellKnown = []string{"conditions", "clusterSelector", "namespaceSelector"}

// fieldRows returns a row for each field below parent, depth first.
func fieldRows(parent string, schema apiextensionsv1.JSONSchemaProps) []string {
	var rows []string
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		field := schema.Properties[name]
		path, of := parent+"."+name, field
		switch {
		case field.Items != nil:
			path, of = path+"[]", *field.Items.Schema
		case field.AdditionalProperties != nil && field.AdditionalProperties.Schema != nil:
			path, of = path+"{}", *field.AdditionalProperties.Schema
		}
		kind := fieldType(field, of, slices.Contains(schema.Required, name))
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", path, kind, meaning(field)))
		if !slices.Contains(wellKnown, name) {
			rows = append(rows, fieldRows(path, of)...)
		}
	}
	return rows
}

// fieldType returns the type of a field, whose elements are of a type of their own in a list or map.
func fieldType(field, element apiextensionsv1.JSONSchemaProps, required bool) string {
	words := []string{element.Type}
	if element.Format != "" {
		words[0] = element.Format
	}
	switch {
	case field.Items != nil:
		words[0] = "list of " + words[0]
	case field.AdditionalProperties != nil:
		words[0] = "map of " + words[0]
	}
	if required {
		words = append(words, "required")
	}
	var values []string
	for _, value := range element.Enum {
		values = append(values, "`"+strings.Trim(string(value.Raw), `"`)+"`")
	}
	if len(values) > 0 {
		words = append(words, strings.Join(values, " or "))
	}
	if field.Default != nil {
		words = append(words, "default `"+string(field.Default.Raw)+"`")
	}
	return strings.Join(words, ", ")
}

// meaning returns the description of a field and the messages of its rules, in one line.
func meaning(field apiextensionsv1.JSONSchemaProps) string {
	words := strings.Fields(field.Description)
	for _, rule := range field.XValidations {
		if rule.Message != "" {
			words = append(words, "Rule: "+rule.Message+".")
		}
	}
	return strings.ReplaceAll(strings.Join(words, " "), "|", `\|`)
}
