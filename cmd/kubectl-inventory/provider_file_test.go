// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
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
