// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// TestDiff holds whole outputs of diff, as documentation and as a promise.
func TestDiff(t *testing.T) {
	file := func(name string, args ...string) []string {
		return append([]string{"diff", "-f", "testdata/diff/" + name + ".yaml"}, args...)
	}
	namespaces := "namespaces."
	planner := userWith(t, "planner", right{"", inventories, "list"}, right{"", clusters, "list"}, right{"", namespaces, "list"},
		right{"", profiles, "list"})
	tenant := userWith(t, "planning-tenant", right{"", inventories, "list"}, right{"", namespaces, "list"}, right{"team-a", clusters, see})
	for name, tc := range map[string]output{
		"diff-new":      {why: "an Inventory that the hub does not have", args: file("new")},
		"diff-typo":     {why: "what cannot be published withdraws nothing, and is shown", args: file("typo"), code: exitUnsatisfied},
		"diff-narrower": {why: "a deselected Cluster is withdrawn", args: file("narrower"), code: exitUnsatisfied},
		"diff-renamed":  {why: "the old name is withdrawn", args: file("renamed"), code: exitUnsatisfied},
		"diff-changed":  {why: "the profiles stay, and change", args: file("changed")},
		"diff-wide":     {why: "each field and each problem", args: file("changed", "-o", "wide")},
		"diff-two":      {why: "one Inventory takes over from the other", args: file("two"), code: exitUnsatisfied},
		"diff-same":     {why: "nothing changes", args: file("same")},
		"diff-json":     {why: "for programs", args: file("narrower", "-o", "json"), code: exitUnsatisfied},
		"diff-name":     {why: "the profiles that would be deleted", args: file("renamed", "-o", "name"), code: exitUnsatisfied},
		"diff-planner":  {why: "four lists are enough", hub: planner, args: file("narrower"), code: exitUnsatisfied},
		"diff-unread":   {why: "what may not be read is listed", hub: planner, args: file("unread")},
		"diff-files": {
			why: "several files", args: file("narrower", "-f", "testdata/diff/new.yaml"), code: exitUnsatisfied,
		},
		"diff-bad-kind":       {why: "the document must be named", args: file("bad-kind"), code: exitError},
		"diff-bad-version":    {why: "another version may have other fields", args: file("bad-version"), code: exitError},
		"diff-bad-field":      {why: "the API server would drop the field", args: file("bad-field"), code: exitError},
		"diff-bad-rule":       {why: "the API server would refuse the Inventory", args: file("bad-rule"), code: exitError},
		"diff-bad-expression": {why: "the publisher would refuse the Inventory", args: file("bad-expression"), code: exitError},
		"diff-twice":          {why: "only one of them would be applied", args: file("same", "-f", "testdata/diff/typo.yaml"), code: exitError},
		"diff-no-file":        {why: "the flag must be named", args: []string{"diff"}, code: exitError},
		"diff-not-installed":  {why: "the wrong cluster", hub: in("spoke.kubeconfig"), args: file("same"), code: exitError},
		"diff-rights":         {why: "the rights must be named", hub: tenant, args: file("same"), code: exitError},
	} {
		t.Run(name, func(t *testing.T) { tc.hold(t, name) })
	}
}

// TestDiffOfStandardInput: a pipeline hands over what it is about to apply, with Lists in it.
func TestDiffOfStandardInput(t *testing.T) {
	document, err := os.ReadFile(filepath.Join("testdata", "diff", "narrower.yaml"))
	must(t, err)
	item, err := yaml.YAMLToJSON(document)
	must(t, err)
	list := []byte(`{"apiVersion": "v1", "kind": "List", "items": [` + string(item) + "]}")
	want := plugin(t, in("hub.kubeconfig"), "diff", "-f", "testdata/diff/narrower.yaml")
	for name, input := range map[string][]byte{"Document": document, "List": list} {
		t.Run(name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			code := run(t.Context(), genericiooptions.IOStreams{In: bytes.NewReader(input), Out: &out, ErrOut: &errOut}, later,
				[]string{"--kubeconfig", in("hub.kubeconfig"), "diff", "-f", "-"})
			got := result{out: out.String(), err: errOut.String(), code: code}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
				t.Errorf("-file +standard input:\n%s", diff)
			}
		})
	}
}

// TestDiffOfFolder: all files in a folder, and with -R in those below it.
func TestDiffOfFolder(t *testing.T) {
	folder := t.TempDir()
	below := filepath.Join(folder, "below")
	must(t, os.Mkdir(below, 0o700))
	for _, copied := range []struct{ from, to string }{{"narrower", folder}, {"new", below}} {
		content, err := os.ReadFile(filepath.Join("testdata", "diff", copied.from+".yaml"))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(copied.to, copied.from+".yaml"), content, 0o600))
	}
	one := plugin(t, in("hub.kubeconfig"), "diff", "-f", folder)
	all := plugin(t, in("hub.kubeconfig"), "diff", "-f", folder, "-R")
	if !strings.Contains(one.out, "production ") || strings.Contains(one.out, "fleet ") {
		t.Errorf("not the Inventories of the folder: %s%s", one.out, one.err)
	}
	if !strings.Contains(all.out, "production ") || !strings.Contains(all.out, "fleet ") {
		t.Errorf("not the Inventories of both folders: %s%s", all.out, all.err)
	}
}

// TestDiffAdmitsAsTheServer: an Inventory is refused where the API server would refuse it, for the same fields, and nowhere else.
func TestDiffAdmitsAsTheServer(t *testing.T) {
	const head = "apiVersion: capi-inventory.dev/v1alpha1\nkind: Inventory\nmetadata: {name: "
	for name, tc := range map[string]struct {
		manifest string
		// field is what both errors name; empty if the Inventory is accepted.
		field string
	}{
		"Empty":      {manifest: head + "new}"},
		"Defaults":   {manifest: head + "new}\nspec: {accessProviders: [{name: a, kubeconfigSecret: {}}]}"},
		"LongName":   {manifest: head + strings.Repeat("n", 64) + "}", field: "metadata.name"},
		"BadName":    {manifest: head + "New}", field: "metadata.name"},
		"Enum":       {manifest: head + "new}\nspec: {profileName: Other}", field: "spec.profileName"},
		"Pattern":    {manifest: head + "new}\nspec: {namespace: UPPER}", field: "spec.namespace"},
		"Type":       {manifest: head + "new}\nspec: {namespace: 1}", field: "spec.namespace"},
		"Set":        {manifest: head + "new}\nspec: {labels: {include: [a, a]}}", field: "spec.labels.include[1]"},
		"Required":   {manifest: head + "new}\nspec: {properties: [{name: a}]}", field: "spec.properties[0].expression"},
		"Rule":       {manifest: head + "new}\nspec: {properties: [{name: a.k8s.io, expression: x}]}", field: "spec.properties[0]"},
		"Unknown":    {manifest: head + "new}\nspec: {namespce: a}", field: "spec.namespce"},
		"Transition": {manifest: head + "default}\nspec: {publisherClass: other}", field: "spec"},
	} {
		t.Run(name, func(t *testing.T) {
			object := &unstructured.Unstructured{}
			must(t, yaml.Unmarshal([]byte(tc.manifest), &object.Object))
			live := []v1alpha1.Inventory{}
			write := func() error {
				return env.k8s.Create(t.Context(), object.DeepCopy(), client.DryRunAll, client.FieldValidation("Strict"))
			}
			if object.GetName() == "default" {
				source := v1alpha1.Inventory{}
				must(t, env.k8s.Get(t.Context(), client.ObjectKey{Name: "default"}, &source))
				live = append(live, source)
				write = func() error {
					changed := object.DeepCopy()
					changed.SetResourceVersion(source.ResourceVersion)
					return env.k8s.Update(t.Context(), changed, client.DryRunAll, client.FieldValidation("Strict"))
				}
			}
			_, err := admit(t.Context(), []manifest{{where: "file", object: object}}, live)
			for who, err := range map[string]error{"the API server": write(), "diff": err} {
				if (err != nil) != (tc.field != "") || err != nil && !strings.Contains(err.Error(), tc.field) {
					t.Errorf("%s: the error is %v, want one that names %q", who, err, tc.field)
				}
			}
		})
	}
}

// TestDiffDefaultsAsTheServer: what the API server would add makes no difference.
func TestDiffDefaultsAsTheServer(t *testing.T) {
	source := &unstructured.Unstructured{}
	must(t, yaml.Unmarshal([]byte("apiVersion: capi-inventory.dev/v1alpha1\nkind: Inventory\nmetadata: {name: defaulted}\n"+
		"spec: {accessProviders: [{name: a, kubeconfigSecret: {}}, {name: b, serviceAccount: {clusterRoles: [view]}}]}"), &source.Object))
	admitted, err := admit(t.Context(), []manifest{{where: "file", object: source}}, nil)
	must(t, err)
	must(t, env.k8s.Create(t.Context(), source, client.DryRunAll))
	stored := v1alpha1.Inventory{}
	must(t, runtime.DefaultUnstructuredConverter.FromUnstructured(source.Object, &stored))
	if diff := cmp.Diff(stored.Spec, admitted[0].Spec); diff != "" {
		t.Errorf("-API server +diff:\n%s", diff)
	}
}

// TestDiffWithTheDocumentedRights: the ClusterRole in the documentation is enough for everything.
func TestDiffWithTheDocumentedRights(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "kubectl-inventory.md"))
	must(t, err)
	_, section, _ := strings.Cut(string(text), "\n## diff\n")
	_, block, _ := strings.Cut(section, "```yaml\n")
	block, _, _ = strings.Cut(block, "```")
	role := rbacv1.ClusterRole{}
	must(t, yaml.UnmarshalStrict([]byte(block), &role))
	var rights []right
	for _, rule := range role.Rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				rights = append(rights, right{"", resource + "." + group, strings.Join(rule.Verbs, " ")})
			}
		}
	}
	got := plugin(t, userWith(t, "documented", rights...), "diff", "-f", "testdata/diff/unread.yaml")
	if got.code != 0 || got.err != "" {
		t.Errorf("exit code %d: %s", got.code, got.err)
	}
}
