// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// event is what is known of the Events that one statement makes.
type event struct {
	by, kind, on, action string
	// reason is empty where the statement makes Events of several reasons; meaning says which.
	reason, meaning string
}

// eventsReference returns the section of Events.
func eventsReference(t *testing.T) string {
	t.Helper()
	section := "\n## Events\n\nThat a profile was published is not an Event: the profile says so. " +
		"Leader election writes Events on the Leases.\n\n" +
		"| By | On | Type | Reason | Action | Means |\n|---|---|---|---|---|---|\n"
	for _, e := range eventsOf(t) {
		reason := "as Means says"
		if e.reason != "" {
			reason = code(e.reason)
		}
		section += row(e.by, e.on, e.kind, reason, code(e.action), e.meaning)
	}
	return section
}

// eventsOf finds the calls of Eventf. An Event is about a parameter of the function that makes it, whose comment begins with the
// function's name and "reports" and says when.
func eventsOf(t *testing.T) []event {
	t.Helper()
	programs := map[string]string{"cluster": "publisher", "accessgrant": "broker", "spokecheck": "consumer"}
	var found []event
	for _, file := range sources(t, "cmd/*.go", "controllers/*.go", "internal/*.go") {
		for _, declaration := range file.Decls {
			function, isFunction := declaration.(*ast.FuncDecl)
			if !isFunction {
				continue
			}
			ast.Inspect(function, func(node ast.Node) bool {
				call, isCall := node.(*ast.CallExpr)
				if !isCall || typeName(call.Fun) != "Eventf" {
					return true
				}
				made := eventOf(t, function, call)
				made.by = programs[path.Base(path.Dir(file.path))]
				if slices.Contains([]string{made.by, made.on, made.action, made.meaning}, "") {
					t.Errorf("%s: an Event without a known program, object, action or comment: %+v", file.path, made)
				}
				found = append(found, made)
				return true
			})
		}
	}
	slices.SortStableFunc(found, func(a, b event) int { return strings.Compare(b.by, a.by) })
	return found
}

// eventOf reads the arguments of Eventf: regarding, related, type, reason, action and note.
func eventOf(t *testing.T, function *ast.FuncDecl, call *ast.CallExpr) event {
	t.Helper()
	summary, _, _ := strings.Cut(function.Doc.Text(), "\n\n")
	meaning := strings.TrimPrefix(oneLine(summary), function.Name.Name+" reports ")
	made := event{meaning: strings.TrimPrefix(meaning, "that ")}
	for _, parameters := range function.Type.Params.List {
		for _, name := range parameters.Names {
			if name.Name == typeName(call.Args[0]) {
				made.on = typeName(parameters.Type)
			}
		}
	}
	made.kind = "Normal or Warning"
	if kind, isConstant := strings.CutPrefix(typeName(call.Args[2]), "EventType"); isConstant {
		made.kind = kind
	}
	made.action, _ = literal(call.Args[4])
	made.reason, _ = literal(call.Args[3])
	for _, reason := range slices.Concat(reasons(t), problems(t)) {
		if reason.name == typeName(call.Args[3]) {
			made.reason = reason.value
		}
	}
	return made
}
