// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// scopedTo is an access provider with a ServiceAccount of the role view, changed.
func scopedTo(name string, change func(*v1alpha1.ServiceAccountAccess)) v1alpha1.AccessProvider {
	access := &v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"view"}}
	if change != nil {
		change(access)
	}
	return v1alpha1.AccessProvider{Name: name, ServiceAccount: access}
}

// pods is a rule of RBAC, changed.
func pods(change func(*v1alpha1.AccessRule)) func(*v1alpha1.ServiceAccountAccess) {
	rule := v1alpha1.AccessRule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}
	if change != nil {
		change(&rule)
	}
	return func(a *v1alpha1.ServiceAccountAccess) { a.Rules = []v1alpha1.AccessRule{rule} }
}

func roles(names ...string) func(*v1alpha1.ServiceAccountAccess) {
	return func(a *v1alpha1.ServiceAccountAccess) { a.ClusterRoles = names }
}

func groups(groups ...string) func(*v1alpha1.ServiceAccountAccess) {
	return pods(func(r *v1alpha1.AccessRule) { r.APIGroups = groups })
}

func paths(paths ...string) func(*v1alpha1.ServiceAccountAccess) {
	return pods(func(r *v1alpha1.AccessRule) { r.APIGroups, r.Resources, r.NonResourceURLs = nil, nil, paths })
}

func verbs(verbs ...string) func(*v1alpha1.ServiceAccountAccess) {
	return pods(func(r *v1alpha1.AccessRule) { r.Verbs = verbs })
}

func resources(resources ...string) func(*v1alpha1.ServiceAccountAccess) {
	return pods(func(r *v1alpha1.AccessRule) { r.Resources = resources })
}

func ttl(ttl time.Duration) func(*v1alpha1.ServiceAccountAccess) {
	return func(a *v1alpha1.ServiceAccountAccess) { a.TokenTTL.Duration = ttl }
}

// TestScopedAccessIsValidatedByItsSchema: rights by which a user gets any other are granted by somebody who says so, and a rule
// that a spoke would refuse is refused by the hub.
func TestScopedAccessIsValidatedByItsSchema(t *testing.T) {
	hub := freeHub(t)
	for name, tc := range map[string]struct {
		change func(*v1alpha1.ServiceAccountAccess)
		// says is why it is refused; empty where it is accepted. admitted says that allowEscalation admits it.
		says     string
		admitted bool
	}{
		"View":          {},
		"Rules":         {change: pods(nil)},
		"NoRole":        {change: roles(), says: "one of clusterRoles and rules"},
		"EmptyRole":     {change: roles(""), says: "clusterRoles[0]"},
		"RoleOfAPath":   {change: roles("a/b"), says: "clusterRoles[0]"},
		"ClusterAdmin":  {change: roles("view", "cluster-admin"), says: "cluster-admin", admitted: true},
		"AnyVerb":       {change: verbs("*"), says: "wildcard", admitted: true},
		"AnyGroup":      {change: groups("apps", "*"), says: "wildcard", admitted: true},
		"AnyResource":   {change: resources("*"), says: "wildcard", admitted: true},
		"AnyScale":      {change: resources("*/scale"), says: "wildcard", admitted: true},
		"Subresource":   {change: resources("pods/log")},
		"AnyPath":       {change: paths("*"), says: "wildcard", admitted: true},
		"AnyPathByRoot": {change: paths("/metrics", "/*"), says: "wildcard", admitted: true},
		"AnyPathTwice":  {change: paths("/**"), says: "wildcard", admitted: true},
		"PathsBelow":    {change: paths("/metrics", "/healthz/*")},
		"Escalate":      {change: verbs("get", "escalate"), says: "escalate", admitted: true},
		"Bind":          {change: verbs("bind"), says: "bind", admitted: true},
		"Impersonate":   {change: verbs("impersonate"), says: "impersonate", admitted: true},
		"Constrained":   {change: verbs("impersonate:user-info"), says: "impersonate", admitted: true},
		"LikeBind":      {change: verbs("binding")},
		"NoVerb":        {change: verbs(), says: "verbs"},
		"EmptyVerb":     {change: verbs(""), says: "verbs[0]"},
		"NoResources":   {change: paths(), says: "exactly one of resources"},
		"NoGroup":       {change: groups(), says: "together"},
		"Both": {change: pods(func(r *v1alpha1.AccessRule) {
			r.NonResourceURLs = []string{"/metrics"}
		}), says: "exactly one of resources"},
		"PathsOfGroups": {change: pods(func(r *v1alpha1.AccessRule) {
			r.Resources, r.NonResourceURLs = nil, []string{"/metrics"}
		}), says: "together"},
		"NamesOfPaths": {change: pods(func(r *v1alpha1.AccessRule) {
			*r = v1alpha1.AccessRule{Verbs: r.Verbs, NonResourceURLs: []string{"/metrics"}, ResourceNames: []string{"x"}}
		}), says: "resourceNames"},
		"PathsInNamespaces": {change: func(a *v1alpha1.ServiceAccountAccess) {
			paths("/metrics")(a)
			a.Namespaces = []string{"default"}
		}, says: "cannot be granted in namespaces"},
		"InNamespaces": {change: func(a *v1alpha1.ServiceAccountAccess) { a.Namespaces = []string{"default"} }},
		"BadNamespace": {change: func(a *v1alpha1.ServiceAccountAccess) { a.Namespaces = []string{"Kube_System"} }, says: "namespaces[0]"},
		"TenMinutes":   {change: ttl(10 * time.Minute)},
		"AWeek":        {change: ttl(168 * time.Hour)},
		"TooShort":     {change: ttl(10*time.Minute - time.Second), says: "from 10m to 168h"},
		"TooLong":      {change: ttl(168*time.Hour + time.Second), says: "from 10m to 168h"},
		"Negative":     {change: ttl(-time.Hour), says: "from 10m to 168h"},
	} {
		t.Run(name, func(t *testing.T) {
			provider := scopedTo("reader", tc.change)
			create := func() error {
				inventory := named(
					"scoped-"+strings.ToLower(name),
					v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{provider}},
				)
				err := hub.Create(t.Context(), &inventory)
				hub.removeInventory(t, inventory.Name)
				return err
			}
			err := create()
			switch {
			case tc.says == "" && err != nil:
				t.Errorf("it is refused: %v", err)
			case tc.says != "" && (!apierrors.IsInvalid(err) || !strings.Contains(err.Error(), tc.says)):
				t.Errorf("got %v; want it refused with %q", err, tc.says)
			case tc.says != "" && !strings.Contains(err.Error(), "spec.accessProviders[0].serviceAccount"):
				t.Errorf("the field is not named: %v", err)
			}
			provider.ServiceAccount.AllowEscalation = true
			if err := create(); (err == nil) != (tc.says == "" || tc.admitted) {
				t.Errorf("with allowEscalation: %v", err)
			}
		})
	}
}

// TestLargestScopedAccessIsAccepted: what the schema allows one by one, its rules can evaluate all together, as far as an object
// of the size can be stored.
func TestLargestScopedAccessIsAccepted(t *testing.T) {
	hub := freeHub(t)
	for name, tc := range map[string]struct{ providers, role, verb, text int }{
		"Most":    {providers: 16, role: 253, verb: 3, text: 3},
		"Longest": {providers: 1, role: 253, verb: 64, text: 253},
	} {
		t.Run(name, func(t *testing.T) {
			spec := v1alpha1.InventorySpec{}
			for i := range tc.providers {
				spec.AccessProviders = append(spec.AccessProviders, scopedTo(fmt.Sprintf("p%d", i), func(a *v1alpha1.ServiceAccountAccess) {
					a.ClusterRoles = texts(16, tc.role)
					a.Rules = append(a.Rules, v1alpha1.AccessRule{Verbs: texts(32, tc.verb), NonResourceURLs: texts(32, tc.text)})
					for range 31 {
						a.Rules = append(a.Rules, v1alpha1.AccessRule{
							Verbs: texts(
								32,
								tc.verb,
							),
							APIGroups:     texts(32, tc.text),
							Resources:     texts(64, tc.text),
							ResourceNames: texts(64, tc.text),
						})
					}
				}))
			}
			inventory := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "largest-" + strings.ToLower(name)}, Spec: spec}
			if err := hub.Create(t.Context(), inventory); err != nil {
				t.Fatalf("%.2000s", err.Error())
			}
			if got := inventory.Spec.AccessProviders[0].ServiceAccount.TokenTTL.Duration; got != 24*time.Hour {
				t.Errorf("a token is valid for %s unless something else is said", got)
			}
			hub.removeInventory(t, inventory.Name)
		})
	}
}

// texts are that many, each of that length.
func texts(count, length int) []string {
	all := make([]string, 0, count)
	for i := range count {
		all = append(all, fmt.Sprintf("%0*d", length, i))
	}
	return all
}
