// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	upstream "sigs.k8s.io/cluster-inventory-api/pkg/access"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
)

// TestVariablesMustBeAllowed: a policy that accepts variables is not a list of them.
func TestVariablesMustBeAllowed(t *testing.T) {
	for _, policy := range []string{"AppendIfNotExists", "Replace"} {
		providers := load(
			t,
			`{"providers": [{"name": "p", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": "x"}, `+
				`"profileSourcedEnvVarsPolicy": "`+policy+`"}]}`,
			access.Options{},
		)
		_, err := providers.Connection(profile(offer("p", "https://a", extensionEnvs, `{"CLUSTER":"a"}`)))
		if want := v1alpha1.ReasonInvalidAccess + `: The extension ` +
			`clusterprofiles.multicluster.x-k8s.io/exec/additional-envs sets the variable "CLUSTER", which ` +
			`profileSourcedEnvVarsAllowed of the provider p does not list`; err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", policy, err, want)
		}
	}
}

// TestUpstreamLibraryReadsOurFile: one provider file serves all consumers, so our own field must not break others.
func TestUpstreamLibraryReadsOurFile(t *testing.T) {
	library, err := upstream.NewFromFile(file(t, twoProviders))
	if err != nil {
		t.Fatal(err)
	}
	config, err := library.BuildConfigFromCP(profile(offer("second", "https://a", extensionEnvs, `{"CLUSTER":"a"}`)))
	if err != nil || len(config.ExecProvider.Env) != 3 {
		t.Errorf("%v, %v", config, err)
	}
}

// TestProfilesAreIsolated is bugs B1 to B3: what one profile adds to a plugin's command line and environment must not be there for
// the next, nor for itself at the second time. Under -race it shows that nothing shared is written.
func TestProfilesAreIsolated(t *testing.T) {
	providers := load(t, twoProviders, access.Options{})
	profiles := map[string]*inventoryv1alpha1.ClusterProfile{}
	for _, name := range []string{"a", "b"} {
		profiles[name] = profile(
			offer(
				"second",
				"https://"+name,
				extensionArgs,
				fmt.Sprintf(`["--cluster=%s"]`, name),
				extensionEnvs,
				fmt.Sprintf(`{"CLUSTER":%q}`, name),
			),
		)
	}
	var running sync.WaitGroup
	for range 20 {
		for name, p := range profiles {
			running.Go(func() {
				connection, err := providers.Connection(p)
				if err != nil {
					t.Error(err)
					return
				}
				if diff := cmp.Diff([]string{"base", "--cluster=" + name}, connection.Config.ExecProvider.Args); diff != "" {
					t.Errorf("arguments of %s -want +got:\n%s", name, diff)
				}
				want := []clientcmdapi.ExecEnvVar{{Name: "A", Value: "file"}, {Name: "B", Value: "file"}, {Name: "CLUSTER", Value: name}}
				if diff := cmp.Diff(want, connection.Config.ExecProvider.Env); diff != "" {
					t.Errorf("variables of %s -want +got:\n%s", name, diff)
				}
			})
		}
	}
	running.Wait()
}

// TestUpstreamLibraryMixesProfiles shows why this package exists: when it fails, the copies can be removed.
func TestUpstreamLibraryMixesProfiles(t *testing.T) {
	library, err := upstream.NewFromFile(file(t, twoProviders))
	if err != nil {
		t.Fatal(err)
	}
	var last *rest.Config
	for _, name := range []string{"a", "b"} {
		p := profile(
			offer(
				"second",
				"https://"+name,
				extensionArgs,
				fmt.Sprintf(`["--cluster=%s"]`, name),
				extensionEnvs,
				fmt.Sprintf(`{"CLUSTER":%q}`, name),
			),
		)
		if last, err = library.BuildConfigFromCP(p); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"base", "--cluster=a", "--cluster=b"}, last.ExecProvider.Args); diff != "" {
		t.Errorf("the library keeps profiles apart by now -want +got:\n%s", diff)
	}
	for _, env := range last.ExecProvider.Env {
		if env.Name == "CLUSTER" && env.Value != "a" {
			t.Errorf("the library keeps environments apart by now: CLUSTER=%s", env.Value)
		}
	}
}
