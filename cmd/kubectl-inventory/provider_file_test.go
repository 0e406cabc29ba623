// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
)

// TestProviders holds whole outputs of providers.
func TestProviders(t *testing.T) {
	for name, tc := range map[string]output{
		"providers":      {why: "an unknown access provider is left out", args: []string{"providers", "-A"}, code: exitUnsatisfied},
		"providers-yaml": {why: "for the values of the chart", args: []string{"providers", "-n", "team-a", "-o", "yaml"}},
		"providers-plugin": {
			why: "the user names the plugin", args: []string{"providers", "-n", "cluster-inventory", "--plugin", "open-cluster-management=ocm"},
		},
		"providers-bad-plugin": {why: "a typing error", args: []string{"providers", "-n", "team-a", "--plugin", "a=b"}, code: exitError},
		"providers-bad-output": {why: "the flag must be named", args: []string{"providers", "-o", "wide"}, code: exitError},
		"providers-none":       {why: "an empty file is of no use", args: []string{"providers", "-n", "empty"}, code: exitError},
	} {
		t.Run(name, func(t *testing.T) { tc.hold(t, name) })
	}
}

// TestWrittenProviderFileWorks: a spoke is reached with it.
func TestWrittenProviderFileWorks(t *testing.T) {
	written := plugin(t, in("hub.kubeconfig"), "providers", "-n", "team-a", "--plugin",
		"kubeconfig-secretreader="+in("kubeconfig-secretreader"))
	if written.code != 0 || written.err != "" {
		t.Fatalf("exit code %d: %s", written.code, written.err)
	}
	got := plugin(t, in("hub.kubeconfig"), "check", "-n", "team-a", "london", "--allow-local-servers",
		"--clusterprofile-provider-file", write(t, "providers.json", []byte(written.out)))
	if got.code != 0 || !strings.Contains(got.out, "True") {
		t.Errorf("exit code %d: %s%s", got.code, got.out, got.err)
	}
}

// TestErrorsArePrintable: the writer of a profile chooses the names of access providers, and must not write to the terminal of its reader.
func TestErrorsArePrintable(t *testing.T) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "escapes-"}}
	must(t, env.k8s.Create(t.Context(), namespace))
	p := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "london"}}
	p.Spec.ClusterManager.Name = "test"
	must(t, env.k8s.Create(t.Context(), p))
	// Other tests read all namespaces.
	t.Cleanup(func() { must(t, env.k8s.Delete(context.Background(), p)) })
	p.Status.AccessProviders = []inventoryv1alpha1.AccessProvider{{Name: "a\x1b]0;title\a\u202e"}}
	must(t, env.k8s.Status().Update(t.Context(), p))

	got := plugin(t, in("hub.kubeconfig"), "providers", "-n", namespace.Name, "--plugin", "x=y")
	want := "error: --plugin: no profile offers the access provider \"x\", but a ]0;title  \n"
	if got.code != exitError || got.err != want {
		t.Errorf("exit code %d: %q, want %q", got.code, got.err, want)
	}
}
