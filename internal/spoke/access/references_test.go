// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// readers knows upstream's plugins and another one.
const readers = `{"providers": [
	{"name": "kubeconfig", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/plugins/kubeconfig-secretreader",
		"provideClusterInfo": true}},
	{"name": "token", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": "secretreader",
		"provideClusterInfo": true}},
	{"name": "other", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": "cloud", "provideClusterInfo": true}},
	{"name": "built", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/plugin/bin/secretreader-plugin",
		"provideClusterInfo": true}},
	{"name": "windows", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": "SecretReader-Plugin.EXE",
		"provideClusterInfo": true}},
	{"name": "built-kubeconfig", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1",
		"command": "./bin/kubeconfig-secretreader-plugin", "provideClusterInfo": true}},
	{"name": "secretreader", "execConfig": {"apiVersion": "client.authentication.k8s.io/v1", "command": "reader.sh",
		"provideClusterInfo": true}},
	{"name": "named", "profileSourcedClusterNameAllowed": true, "execConfig": {"apiVersion": "client.authentication.k8s.io/v1",
		"command": "cloud", "provideClusterInfo": true}}]}`

// TestReferencesToOtherNamespacesAreRefused: a user who may write profiles in the namespace fleet must not get Secrets of others.
func TestReferencesToOtherNamespacesAreRefused(t *testing.T) {
	refused := func(namespace string) string {
		return v1alpha1.ReasonReferenceNotPermitted + `: The profile refers to a Secret in the namespace "` + namespace +
			`", which is not its own; --reference-namespaces permits it`
	}
	guessed := func(provider string) string {
		return refused("system") + `, and profileSourcedClusterNameAllowed of the provider ` + provider +
			` does if its plugin reads no Secret by clusterName`
	}
	const invalid = v1alpha1.ReasonInvalidAccess + ": The extension client.authentication.k8s.io/exec"
	cases := map[string]struct {
		why                 string
		provider, extension string
		namespaces          []string
		want                *access.Reference
		err                 string
	}{
		"Own": {
			why:       "beside its Cluster",
			provider:  "kubeconfig",
			extension: `{"name": "a", "key": "value", "namespace": "fleet"}`,
			want:      &access.Reference{Namespace: "fleet", Name: "a"},
		},
		"Other": {
			why:       "of another tenant",
			provider:  "kubeconfig",
			extension: `{"name": "a", "key": "value", "namespace": "team-a"}`,
			want:      &access.Reference{Namespace: "team-a", Name: "a"},
			err:       refused("team-a"),
		},
		"Listed": {
			why:        "the administrator says so",
			provider:   "kubeconfig",
			extension:  `{"name": "a", "key": "value", "namespace": "team-a"}`,
			namespaces: []string{"x", "team-a"},
			want:       &access.Reference{Namespace: "team-a", Name: "a"},
		},
		"NotListed": {
			why:        "and of no other",
			provider:   "kubeconfig",
			extension:  `{"name": "a", "key": "value", "namespace": "team-b"}`,
			namespaces: []string{"team-a"},
			want:       &access.Reference{Namespace: "team-b", Name: "a"},
			err:        refused("team-b"),
		},
		"All": {
			why:        "the administrator says so",
			provider:   "kubeconfig",
			extension:  `{"name": "a", "key": "value", "namespace": "team-a"}`,
			namespaces: []string{"*"},
			want:       &access.Reference{Namespace: "team-a", Name: "a"},
		},
		"Case": {
			why:       "the plugin takes the name of a field in any case",
			provider:  "kubeconfig",
			extension: `{"name": "a", "key": "value", "nameSpace": "team-a"}`,
			want:      &access.Reference{Namespace: "team-a", Name: "a"},
			err:       refused("team-a"),
		},
		"LongS": {
			why:       "and in letters that fold to others",
			provider:  "kubeconfig",
			extension: `{"name": "a", "key": "value", "name\u017fpace": "team-a"}`,
			want:      &access.Reference{Namespace: "team-a", Name: "a"},
			err:       refused("team-a"),
		},
		"Twice": {
			why:       "the plugin takes the last one",
			provider:  "kubeconfig",
			extension: `{"name": "a", "key": "value", "namespace": "fleet", "namespace": "team-a"}`,
			err:       invalid + ` has the field "namespace" twice; plugins cannot know which to use`,
		},
		"TwiceCase": {
			why:       "likewise",
			provider:  "kubeconfig",
			extension: `{"name": "a", "key": "value", "namespace": "fleet", "Namespace": "team-a"}`,
			err:       invalid + ` has the field "Namespace" twice; plugins cannot know which to use`,
		},
		"Default": {
			why:       "the plugin takes its own namespace, where the consumer's Secrets are",
			provider:  "kubeconfig",
			extension: `{"name": "a", "key": "value"}`,
			want:      &access.Reference{Namespace: "system", Name: "a"},
			err:       refused("system"),
		},
		"Null": {
			why:       "likewise",
			provider:  "kubeconfig",
			extension: `{"name": "a", "key": "value", "namespace": null}`,
			want:      &access.Reference{Namespace: "system", Name: "a"},
			err:       refused("system"),
		},
		"NoString": {
			why:       "no plugin of ours takes it, and of others we do not know",
			provider:  "kubeconfig",
			extension: `{"name": "a", "key": "value", "namespace": ["fleet"]}`,
			err:       invalid + `: the field namespace is not a string`,
		},
		"Token": {
			why:       "secretreader knows no namespace but its own",
			provider:  "token",
			extension: `{"clusterName": "a", "namespace": "fleet"}`,
			want:      &access.Reference{Namespace: "system", Name: "a"},
			err:       refused("system"),
		},
		"TokenList": {
			why:        "the administrator says so",
			provider:   "token",
			extension:  `{"clusterName": "a"}`,
			namespaces: []string{"system"},
			want:       &access.Reference{Namespace: "system", Name: "a"},
		},
		"TokenBuilt": {
			why:       "upstream builds, ships and documents it under this name",
			provider:  "built",
			extension: `{"clusterName": "a", "namespace": "fleet"}`,
			want:      &access.Reference{Namespace: "system", Name: "a"},
			err:       refused("system"),
		},
		"TokenWindows": {
			why:       "Windows adds .exe, and takes the name in any case",
			provider:  "windows",
			extension: `{"clusterName": "a", "namespace": "fleet"}`,
			want:      &access.Reference{Namespace: "system", Name: "a"},
			err:       refused("system"),
		},
		"TokenWrapped": {
			why:       "a script that runs secretreader, for the provider of its name",
			provider:  "secretreader",
			extension: `{"clusterName": "a", "namespace": "fleet"}`,
			want:      &access.Reference{Namespace: "system", Name: "a"},
			err:       refused("system"),
		},
		"TokenWrappedNamespace": {
			why:        "the script may read the namespace all the same",
			provider:   "secretreader",
			extension:  `{"clusterName": "a", "namespace": "team-a"}`,
			namespaces: []string{"system"},
			want:       &access.Reference{Namespace: "team-a"},
			err:        refused("team-a"),
		},
		"TokenLookalike": {
			why:       "a plugin under another name may be upstream's, or read a Secret by this field too",
			provider:  "other",
			extension: `{"ClusterName": "a"}`,
			want:      &access.Reference{Namespace: "system", Name: "a"},
			err:       guessed("other"),
		},
		"TokenBesideOwn": {
			why:       "a reference that is permitted does not hide the other one",
			provider:  "other",
			extension: `{"name": "b", "key": "value", "namespace": "fleet", "clusterName": "a"}`,
			want:      &access.Reference{Namespace: "system", Name: "a"},
			err:       guessed("other"),
		},
		"TokenBesideOwnListed": {
			why:        "the reference to another namespace is the one to warn of",
			provider:   "other",
			extension:  `{"name": "b", "key": "value", "namespace": "fleet", "clusterName": "a"}`,
			namespaces: []string{"system"},
			want:       &access.Reference{Namespace: "system", Name: "a"},
		},
		"KubeconfigBuilt": {
			why:       "it takes no clusterName, and its own namespace where the extension has none",
			provider:  "built-kubeconfig",
			extension: `{"name": "a", "clusterName": "b"}`,
			want:      &access.Reference{Namespace: "system", Name: "a"},
			err:       refused("system"),
		},
		"KubeconfigOwn": {
			why:       "likewise",
			provider:  "built-kubeconfig",
			extension: `{"name": "a", "key": "value", "namespace": "fleet", "clusterName": "b"}`,
			want:      &access.Reference{Namespace: "fleet", Name: "a"},
		},
		"Allowed": {
			why:       "the provider file says that the plugin reads no Secret by clusterName",
			provider:  "named",
			extension: `{"clusterName": "a"}`,
		},
		"AllowedNamespace": {
			why:       "and says nothing about the other fields",
			provider:  "named",
			extension: `{"clusterName": "a", "namespace": "team-a"}`,
			want:      &access.Reference{Namespace: "team-a"},
			err:       refused("team-a"),
		},
		"OtherPlugin": {why: "a cloud's plugin reads no Secret", provider: "other", extension: `{"clusterId": "a", "region": "b"}`},
		"Lookalike": {
			why:       "a plugin under another name may be upstream's",
			provider:  "other",
			extension: `{"name": "a", "key": "value"}`,
			want:      &access.Reference{Namespace: "system", Name: "a"},
			err:       refused("system"),
		},
		"OtherNames": {
			why:       "a namespace is one, whichever the plugin",
			provider:  "other",
			extension: `{"secret": "a", "namespace": "team-a"}`,
			want:      &access.Reference{Namespace: "team-a"},
			err:       refused("team-a"),
		},
		"NoObject": {why: "the plugin will refuse it", provider: "other", extension: `"team-a"`},
		"None":     {why: "the provider file may say what to read", provider: "kubeconfig"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			offered := offer(tc.provider, "https://a")
			if tc.extension != "" {
				offered = offer(tc.provider, "https://a", extensionExec, tc.extension)
			}
			if tc.want != nil {
				tc.want.Server = "https://a"
			}
			connection, err := load(t, readers, access.Options{
				References: access.References{Namespaces: tc.namespaces, Default: "system"},
			}).Connection(profile(offered))
			if diff := cmp.Diff(tc.want, connection.Reference); diff != "" {
				t.Errorf("%s\nreference -want +got:\n%s", tc.why, diff)
			}
			said := ""
			if failed := (*failure.Error)(nil); errors.As(err, &failed) {
				said = failed.Error()
			}
			if diff := cmp.Diff(tc.err, said); diff != "" {
				t.Errorf("%s\nerror -want +got:\n%s", tc.why, diff)
			}
			if (connection.Config == nil) != (tc.err != "") {
				t.Errorf("%s: a configuration must be returned if and only if there is no error: %v", tc.why, connection.Config)
			}
		})
	}
}

// TestLabelsPermitNoReferences: the writer of a profile also writes its labels.
func TestLabelsPermitNoReferences(t *testing.T) {
	p := profile(offer("kubeconfig", "https://a", extensionExec, `{"name": "a", "key": "value", "namespace": "team-a"}`))
	p.Labels = map[string]string{v1alpha1.LabelClusterNamespace: "team-a", v1alpha1.LabelClusterName: "a"}
	if _, err := load(t, readers, access.Options{}).Connection(p); err == nil {
		t.Error("a label has permitted a reference")
	}
}

// TestPermitIsCalledForOtherNamespaces: it is called for references to other namespaces only.
func TestPermitIsCalledForOtherNamespaces(t *testing.T) {
	var asked []access.Reference
	providers := load(t, readers, access.Options{}).With(access.References{
		Permit: func(_ *inventoryv1alpha1.ClusterProfile, reference access.Reference) bool {
			asked = append(asked, reference)
			return reference.Namespace == "team-a"
		},
	})
	for namespace, permitted := range map[string]bool{"fleet": true, "team-a": true, "team-b": false} {
		_, err := providers.Connection(
			profile(offer("kubeconfig", "https://a", extensionExec, `{"name": "a", "key": "value", "namespace": "`+namespace+`"}`)),
		)
		if (err == nil) != permitted {
			t.Errorf("%s: %v", namespace, err)
		}
	}
	if len(asked) != 2 {
		t.Errorf("asked about %v", asked)
	}
}
