// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/overloads"
)

// Kubernetes refuses literal lists and maps of mixed types, as {'name': cluster.metadata.name, 'ports': [1]}: its values have
// schemas. The parameters of a credential plugin have none, and are just such maps. cel-go knows functions within which
// literals may mix; here that is dyn, which says that a value is of any type, and which a whole expression can be put into.

// mixedLiterals exempts what is within dyn().
type mixedLiterals struct{}

// Name implements cel.ASTValidator.
func (mixedLiterals) Name() string { return "capi-inventory.dev/mixed-literals" }

// Validate implements cel.ASTValidator.
func (mixedLiterals) Validate(*cel.Env, cel.ValidatorConfig, *ast.AST, *cel.Issues) {}

// Configure implements cel.ASTValidatorConfigurer.
func (mixedLiterals) Configure(config cel.MutableValidatorConfig) error {
	exempt, _ := config.GetOrDefault(cel.HomogeneousAggregateLiteralExemptFunctions, []string{}).([]string)
	return config.Set(cel.HomogeneousAggregateLiteralExemptFunctions, append(exempt, overloads.TypeConvertDyn))
}
