// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHooksNeedAHub: what helm template prints is applied by programs that know no hooks, and the Job among them would withdraw the fleet.
func TestHooksNeedAHub(t *testing.T) {
	hooks := func(values string, options ...string) []string {
		t.Helper()
		found := map[string]bool{}
		for _, object := range render(t, values, options...) {
			if _, hook := object.GetAnnotations()["helm.sh/hook"]; hook {
				found[id(object)] = true
			}
		}
		return slices.Sorted(maps.Keys(found))
	}
	for _, values := range []string{"", everything} {
		if found := hooks(values); len(found) > 0 {
			t.Errorf("hooks without a hub with\n%s\n%v", values, found)
		}
	}
	want := []string{
		"ClusterRole/fleet-withdrawal",
		"ClusterRoleBinding/fleet-withdrawal",
		"Job/fleet-withdrawal",
		"NetworkPolicy/fleet-withdrawal",
		"Role/fleet-withdrawal",
		"RoleBinding/fleet-withdrawal",
		"ServiceAccount/fleet-withdrawal",
	}
	if diff := cmp.Diff(want, hooks(everythingInstallable, onHub(t)...)); diff != "" {
		t.Errorf("hooks of an installation, -want +got:\n%s", diff)
	}
}

// TestWithdrawal: an installation has hooks that withdraw everything before the publisher is gone, unless values say otherwise.
func TestWithdrawal(t *testing.T) {
	for name, c := range map[string]rendering{
		"Defaults": {
			why:    "profiles that nobody updates are worse than none",
			has:    []string{"Job/capi-inventory-withdrawal", "ServiceAccount/capi-inventory-withdrawal"},
			hasNot: []string{"NetworkPolicy/capi-inventory-withdrawal"},
			says:   []string{"- --timeout=120s", "activeDeadlineSeconds: 180", "helm.sh/hook: pre-delete"},
		},
		"Class": {
			why:    "it is of the publisher's class",
			values: "publisher: {class: blue}\nconsumer: {enabled: false}",
			says:   []string{"- --leader-election-namespace=capi-inventory-system\n        - --publisher-class=blue", "- publisher-blue.capi"},
		},
		"Everything": {
			why: "all that can be turned on, at once", values: everythingInstallable,
			has: []string{"Job/fleet-withdrawal", "NetworkPolicy/fleet-withdrawal"},
		},
		"Long": {
			why: "numbers that YAML would take for floats", values: "uninstall: {timeoutSeconds: 1000000}",
			says: []string{"--timeout=1000000s"},
		},
		"KeepProfiles": {
			why:    "an uninstallation may leave everything published",
			values: "uninstall: {profiles: keep}\nnetworkPolicy: {enabled: true}",
			has:    []string{"Inventory/default"},
			hasNot: []string{
				"Job/capi-inventory-withdrawal",
				"ServiceAccount/capi-inventory-withdrawal",
				"NetworkPolicy/capi-inventory-withdrawal",
			},
			saysNot: []string{"pre-delete"},
		},
	} {
		c.options = onHub(t)
		t.Run(name, c.check)
	}
}
