// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/overloads"
)

const (
	// maxSource is the length of the longest expression, as in the CRD.
	maxSource = 4096
	// maxOptionalMaps bounds optMap and optFlatMap: each of these macros copies the expression before it, so a chain of them
	// doubles with every link while it is parsed.
	maxOptionalMaps = 6
	// maxNesting bounds lists of lists: the type checker takes time by the fourth power of the depth of a type.
	maxNesting = 32
)

// check parses an expression and checks its types. Its error is the first one.
func (c *Compiler) check(source string) (*cel.Ast, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("it has %d bytes; an expression may have %d", len(source), maxSource)
	}
	if n := strings.Count(source, "optMap") + strings.Count(source, "optFlatMap"); n > maxOptionalMaps {
		return nil, fmt.Errorf("%d times optMap or optFlatMap; an expression may have %d", n, maxOptionalMaps)
	}
	parsed, issues := c.env.Parse(source)
	if issues.Err() != nil {
		return nil, firstOf(issues)
	}
	if n := nesting(ast.NavigateAST(parsed.NativeRep())); n > maxNesting {
		return nil, fmt.Errorf("lists, maps, optional values and macros are %d deep in each other; they may be %d", n, maxNesting)
	}
	checked, issues := c.env.Check(parsed)
	if issues.Err() == nil {
		return checked, nil
	}
	// The only error may be a literal of mixed types (mixed.go). The line break ends a comment.
	if mixed, others := c.env.Compile(overloads.TypeConvertDyn + "(" + source + "\n)"); others.Err() == nil {
		return mixed, nil
	}
	return nil, firstOf(issues)
}

// firstOf returns what the first error is, and where.
func firstOf(issues *cel.Issues) error {
	errs := issues.Errors()
	more := ""
	if len(errs) > 1 {
		more = fmt.Sprintf(" (and %d more)", len(errs)-1)
	}
	first := errs[0]
	return fmt.Errorf("line %d, column %d: %s%s", first.Location.Line(), first.Location.Column()+1, bounded(first.Message), more)
}

// nesting is how deep an expression nests what makes types of types.
func nesting(expr ast.NavigableExpr) int {
	deepest := 0
	for _, child := range expr.Children() {
		deepest = max(deepest, nesting(child))
	}
	switch expr.Kind() {
	case ast.ListKind, ast.MapKind, ast.ComprehensionKind:
		return deepest + 1
	case ast.CallKind:
		if name := expr.AsCall().FunctionName(); name == "of" || name == "ofNonZeroValue" {
			return deepest + 1
		}
	}
	return deepest
}
