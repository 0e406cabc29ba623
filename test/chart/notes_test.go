// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestNotes: Helm never upgrades CRDs, so the notes say where the hub's are not the chart's, and are silent where they are:
// what the API server gives back is the same as what it was given.
func TestNotes(t *testing.T) {
	g := NewWithT(t)
	g.Expect(notes(t)).NotTo(ContainSubstring("WARNING"))

	crd := &apiextensionsv1.CustomResourceDefinition{}
	name := client.ObjectKey{Name: "inventories.capi-inventory.dev"}
	g.Expect(k8s.Get(t.Context(), name, crd)).To(Succeed())
	patch := func(operation string) {
		g.Expect(k8s.Patch(t.Context(), crd, client.RawPatch(types.JSONPatchType, []byte(`[`+operation+`]`)))).To(Succeed())
	}
	property := `"path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/later"`
	patch(`{"op": "add", ` + property + `, "value": {"type": "string"}}`)
	g.Expect(notes(t)).
		To(And(ContainSubstring("WARNING: the CustomResourceDefinition inventories.capi-inventory.dev"),
			Not(ContainSubstring("spokechecks.capi-inventory.dev of this hub"))))
	patch(`{"op": "remove", ` + property + `}`)
}

// notes are what an installation on the hub would print.
func notes(t *testing.T) string {
	t.Helper()
	notes, err := dryRun(t, "")
	NewWithT(t).Expect(err).NotTo(HaveOccurred(), notes)
	return notes
}

// dryRun is what an installation with these values would print; the hub is asked, and nothing is installed.
func dryRun(t *testing.T, values string) (string, error) {
	t.Helper()
	home := t.TempDir()
	arguments := append([]string{"install", "trial", chart, "--namespace", namespace, "--values", "-"}, onHub(t)...)
	command := exec.CommandContext(t.Context(), helm, arguments...)
	command.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	command.Stdin = strings.NewReader(values)
	printed, err := command.CombinedOutput()
	return string(printed), err
}
