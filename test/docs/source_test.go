// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// source is a file of the programs, without tests.
type source struct {
	path string
	*ast.File
}

// sources parses the files that match the patterns of git.
func sources(t *testing.T, patterns ...string) []source {
	t.Helper()
	var files []source
	for _, path := range projectFiles(t, patterns...) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, source{path, file})
	}
	return files
}

// constantGroup is a declaration of constants, and the comment on it.
type constantGroup struct {
	comment   string
	constants []constant
}

// constant is an exported string constant.
type constant struct {
	name, value string
	// kind is the name of the type in its declaration; empty where there is none.
	kind string
	// meaning is its comment, without its name.
	meaning string
}

// constantGroups returns the declarations with exported string constants in the files that match the patterns of git.
func constantGroups(t *testing.T, patterns ...string) []constantGroup {
	t.Helper()
	var groups []constantGroup
	for _, file := range sources(t, patterns...) {
		for _, declaration := range file.Decls {
			of, isGroup := declaration.(*ast.GenDecl)
			if !isGroup || of.Tok != token.CONST {
				continue
			}
			group := constantGroup{comment: of.Doc.Text()}
			for _, spec := range of.Specs {
				if found, isString := stringConstant(spec.(*ast.ValueSpec)); isString {
					group.constants = append(group.constants, found)
				}
			}
			if len(group.constants) > 0 {
				groups = append(groups, group)
			}
		}
	}
	return groups
}

func stringConstant(spec *ast.ValueSpec) (found constant, isString bool) {
	if len(spec.Values) != 1 || !spec.Names[0].IsExported() {
		return constant{}, false
	}
	value, isString := literal(spec.Values[0])
	name := spec.Names[0].Name
	meaning := strings.TrimPrefix(oneLine(spec.Doc.Text()), name)
	return constant{name, value, typeName(spec.Type), strings.TrimSpace(strings.TrimPrefix(meaning, ":"))}, isString
}

// literal returns the value of a string literal.
func literal(expression ast.Expr) (value string, isString bool) {
	basic, isBasic := expression.(*ast.BasicLit)
	if !isBasic || basic.Kind != token.STRING {
		return "", false
	}
	value, err := strconv.Unquote(basic.Value)
	return value, err == nil
}

// typeName returns the name of a type or a variable, without its package and without a star.
func typeName(expression ast.Expr) string {
	switch of := expression.(type) {
	case *ast.Ident:
		return of.Name
	case *ast.SelectorExpr:
		return of.Sel.Name
	case *ast.StarExpr:
		return typeName(of.X)
	}
	return ""
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// row returns a row of a table.
func row(cells ...string) string {
	for i := range cells {
		cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

func code(text string) string { return "`" + text + "`" }
