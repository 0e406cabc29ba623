// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package admission decides whether an API server would accept an Inventory, and with which defaults, without asking one: a request
// with dryRun needs the right to write. It takes the API server's own validation of custom resources, and the schema of this release.
//
// It does not compile selectors and expressions, which the API server does not do either: internal/publish/profile does.
package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/config/crd"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// Validator validates Inventories. It is not safe for concurrent use.
type Validator struct {
	structural *schema.Structural
	values     validation.SchemaValidator
	rules      *cel.Validator
}

// NewValidator returns a Validator with the schema of this release.
func NewValidator() (*Validator, error) {
	definition := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(crd.Inventories, definition); err != nil {
		return nil, fmt.Errorf("reading the schema of Inventories: %w", err)
	}
	i := slices.IndexFunc(definition.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool {
		return v.Name == v1alpha1.SchemeGroupVersion.Version
	})
	if i < 0 {
		return nil, fmt.Errorf("the schema of Inventories has no version %s", v1alpha1.SchemeGroupVersion.Version)
	}
	props := &apiextensions.JSONSchemaProps{}
	err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		definition.Spec.Versions[i].Schema.OpenAPIV3Schema, props, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the schema of Inventories: %w", err)
	}
	v := &Validator{}
	if v.structural, err = schema.NewStructural(props); err != nil {
		return nil, fmt.Errorf("reading the schema of Inventories: %w", err)
	}
	if v.values, _, err = validation.NewSchemaValidator(props); err != nil {
		return nil, fmt.Errorf("reading the schema of Inventories: %w", err)
	}
	v.rules = cel.NewValidator(v.structural, true, celconfig.PerCallLimit)
	return v, nil
}

// Admit returns the Inventory that the API server would store for a manifest, but for its status and what the API server itself sets
// of its metadata. live is the one of that name, which it would replace; nil if there is none. The manifest is not changed.
func (v *Validator) Admit(
	ctx context.Context, manifest *unstructured.Unstructured, live *v1alpha1.Inventory,
) (*v1alpha1.Inventory, error) {
	content := manifest.DeepCopy().Object
	delete(content, "status")
	if err := v.checkFields(content); err != nil {
		return nil, err
	}
	defaulting.Default(content, v.structural)
	var before any
	if live != nil {
		old, err := runtime.DefaultUnstructuredConverter.ToUnstructured(live)
		if err != nil {
			return nil, fmt.Errorf("encoding the Inventory of the hub: %w", err)
		}
		// A rule must not fail for what is stored already.
		before = old
	}
	errs := apivalidation.ValidateObjectMetaAccessor(manifest, false, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	errs = append(errs, validation.ValidateCustomResource(nil, content, v.values)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, v.structural, content)...)
	if len(errs) == 0 {
		errs, _ = v.rules.Validate(ctx, nil, v.structural, content, before, celconfig.RuntimeCELCostBudget)
	}
	if len(errs) > 0 {
		return nil, refused(errs)
	}
	inventory := &v1alpha1.Inventory{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, inventory); err != nil {
		return nil, fmt.Errorf("decoding the Inventory: %w", err)
	}
	return inventory, nil
}

// maxErrors is how many reasons an error has at most.
const maxErrors = 10

// refused returns an error with the reasons, in one line.
func refused(errs field.ErrorList) error {
	var reasons []string
	for _, err := range errs {
		reasons = append(reasons, profile.Bound(err.Error()))
	}
	if more := len(reasons) - maxErrors; more > 0 {
		reasons = append(reasons[:maxErrors], fmt.Sprintf("and %d more", more))
	}
	return errors.New(strings.Join(reasons, "; "))
}

// checkFields returns an error for the fields that the schema does not have, which the API server would drop with a warning.
func (v *Validator) checkFields(content map[string]any) error {
	pruned := runtime.DeepCopyJSON(content)
	unknown := pruning.PruneWithOptions(pruned, v.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return errors.New(profile.Bound(strings.Join(unknown, ", ")) + ": unknown field; the API server would drop it")
}
