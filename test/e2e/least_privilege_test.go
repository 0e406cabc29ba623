// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const rightsFile = "testdata/rights.txt"

var writeRights = flag.Bool("write-rights", false, "write "+rightsFile+" in place of comparing with it")

// Each ServiceAccount may do what testdata/rights.txt says, and nothing else: asked as they would be asked by
// `kubectl auth can-i --list --as`. After a change that is meant:
//
//	make test-e2e E2E='-run TestLeastPrivilege -write-rights'
func TestLeastPrivilege(t *testing.T) {
	t.Parallel()
	rights := readRights(t)
	if *writeRights {
		if err := os.WriteFile(rightsFile, []byte(rights), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	expectRights(t, rights)
}

func expectRights(t *testing.T, rights string) {
	t.Helper()
	want, err := os.ReadFile(rightsFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ofInstalled(t, string(want)), ofInstalled(t, rights)); diff != "" {
		t.Errorf("rights, -%s +on the hub:\n%s", rightsFile, diff)
	}
}

// ofInstalled returns the lines about the ServiceAccounts that are installed: clusterctl and kustomize leave the broker out.
func ofInstalled(t *testing.T, rights string) []string {
	t.Helper()
	var lines []string
	installed := true
	for line := range strings.Lines(rights) {
		if account, _, heading := strings.Cut(line, ", "); heading && slices.Contains(accounts, account) {
			key := client.ObjectKey{Namespace: systemNamespace, Name: account}
			installed = k8s.Get(t.Context(), key, &corev1.ServiceAccount{}) == nil
		}
		if line = strings.TrimSpace(line); installed && line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// accounts are the ServiceAccounts of the programs.
var accounts = []string{"capi-inventory-publisher", "capi-inventory-consumer", "capi-inventory-broker"}

// readRights returns what each ServiceAccount may do beyond what an account without any rights may, which depends on the hub:
// everywhere, and in the system namespace besides.
func readRights(t *testing.T) string {
	t.Helper()
	elsewhere := newNamespace(t, "elsewhere")
	anybody := rightsOf(t, "default", elsewhere)
	var rights strings.Builder
	rights.WriteString("# SPDX-FileCopyrightText: The capi-inventory authors\n# SPDX-License-Identifier: Apache-2.0\n\n" +
		"# What each ServiceAccount may do on the hub of the end-to-end tests, which lets the consumer read Secrets. A test writes this.\n")
	for _, account := range accounts {
		everywhere, inside := rightsOf(t, account, elsewhere), rightsOf(t, account, systemNamespace)
		fmt.Fprintf(&rights, "\n%s, everywhere:\n%s", account, everywhere.beyond(anybody))
		fmt.Fprintf(&rights, "\n%s, in its own namespace besides:\n%s", account, inside.beyond(everywhere))
	}
	return rights.String()
}

// rights are verbs, by what they may be done to: resource.group/subresource, with a name where only that one is meant; or a path.
type rights map[string][]string

// rightsOf is what a ServiceAccount of ours may do in a namespace.
func rightsOf(t *testing.T, account, namespace string) rights {
	t.Helper()
	config := rest.CopyConfig(hub.config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + systemNamespace + ":" + account,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + systemNamespace, "system:authenticated"},
	}
	as, err := client.New(config, client.Options{Scheme: newScheme()})
	if err != nil {
		t.Fatal(err)
	}
	review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	NewWithT(t).Expect(as.Create(t.Context(), review)).To(Succeed())
	found := rights{}
	for _, rule := range review.Status.ResourceRules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				what := inGroup(resource, group)
				if len(rule.ResourceNames) == 0 {
					found[what] = append(found[what], rule.Verbs...)
				}
				for _, name := range rule.ResourceNames {
					found[what+" "+name] = append(found[what+" "+name], rule.Verbs...)
				}
			}
		}
	}
	for _, rule := range review.Status.NonResourceRules {
		for _, path := range rule.NonResourceURLs {
			found[path] = append(found[path], rule.Verbs...)
		}
	}
	return found
}

// inGroup spells a resource as kubectl does.
func inGroup(resource, group string) string {
	resource, subresource, _ := strings.Cut(resource, "/")
	return strings.TrimSuffix(strings.TrimSuffix(resource+"."+group, ".")+"/"+subresource, "/")
}

// beyond returns the rights that the other ones lack.
func (r rights) beyond(others rights) string {
	var rights strings.Builder
	for _, what := range slices.Sorted(maps.Keys(r)) {
		verbs := slices.DeleteFunc(
			slices.Sorted(slices.Values(r[what])),
			func(verb string) bool { return slices.Contains(others[what], verb) },
		)
		if len(verbs) > 0 {
			fmt.Fprintf(&rights, "  %-55s %s\n", what, strings.Join(slices.Compact(verbs), " "))
		}
	}
	return rights.String()
}
