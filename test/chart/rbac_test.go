// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// rights are what somebody may do, as "verb resource.group", with "/name" where a rule names objects, and where: "" for everywhere.
type rights map[string][]string

func (r rights) add(rules []rbacv1.PolicyRule, where string) {
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					r.grant(fmt.Sprintf("%s %s.%s", verb, resource, group), rule.ResourceNames, where)
				}
			}
		}
	}
}

// grant adds a right to all objects, or to those that are named.
func (r rights) grant(right string, names []string, where string) {
	granted := []string{right}
	if len(names) > 0 {
		granted = nil
		for _, name := range names {
			granted = append(granted, right+"/"+name)
		}
	}
	for _, right := range granted {
		if !slices.Contains(r[right], where) {
			r[right] = append(r[right], where)
			slices.Sort(r[right])
		}
	}
}

// rightsOf follows the bindings of a ServiceAccount in what was rendered.
func rightsOf(t *testing.T, objects []*unstructured.Unstructured, account string) rights {
	t.Helper()
	rules := map[string][]rbacv1.PolicyRule{}
	for _, object := range objects {
		if kind := object.GetKind(); kind == "ClusterRole" || kind == "Role" {
			rules[object.GetNamespace()+"/"+object.GetName()] = as[rbacv1.ClusterRole](t, object).Rules
		}
	}
	found := rights{}
	for _, object := range objects {
		if kind := object.GetKind(); kind != "ClusterRoleBinding" && kind != "RoleBinding" {
			continue
		}
		binding := as[rbacv1.RoleBinding](t, object)
		for _, subject := range binding.Subjects {
			if subject.Kind == "ServiceAccount" && subject.Name == account && subject.Namespace == namespace {
				found.add(rules[binding.Namespace+"/"+binding.RoleRef.Name], binding.Namespace)
			}
		}
	}
	return found
}

// choices are the values on which rights depend.
type choices struct{ openMetrics, consumer, clusterSpaces, profileSpaces, secrets, secretSpaces, scoped bool }

func (c choices) values() string {
	list := func(chosen bool) string {
		if chosen {
			return "[team-a, team-b]"
		}
		return "[]"
	}
	mode, readSecrets := "administrator", "null"
	if c.scoped {
		mode = "scoped"
	}
	if c.secrets {
		readSecrets = "true"
	}
	return fmt.Sprintf(`
metrics: {secure: %t}
inventories: [{name: default}, {name: argocd, spec: {namespace: argocd}}]
publisher: {namespaces: %s}
consumer: {enabled: %t, namespaces: %s, readSecrets: {enabled: %s, namespaces: %s}}
access: {mode: %s}
`, !c.openMetrics, list(c.clusterSpaces), c.consumer, list(c.profileSpaces), readSecrets, list(c.secretSpaces), mode)
}

// granted are the namespaces in which the broker grants access, and the consumer reads Secrets if nothing else is chosen.
var granted = []string{"argocd", namespace}

// TestRights holds the rights that the chart gives against those of config/rbac, which are generated from the source.
func TestRights(t *testing.T) {
	role := func(path string) []rbacv1.PolicyRule { return read[rbacv1.ClusterRole](t, path).Rules }
	publisher, consumer := role("config/rbac/publisher/role.yaml"), role("config/rbac/consumer/role.yaml")
	broker, brokerNamespace := role("config/rbac/broker/role.yaml"), role("config/rbac/broker-namespace/role.yaml")
	leases := func(component string) []rbacv1.PolicyRule {
		return role("config/rbac/" + component + "/leader-election-role.yaml")
	}
	secrets := role("config/rbac/consumer/secrets-role.yaml")
	for i := range 1 << 7 {
		bit := func(n int) bool { return i>>n&1 == 1 }
		c := choices{bit(0), bit(1), bit(2), bit(3), bit(4), bit(5), bit(6)}
		if !c.consumer && (c.profileSpaces || c.secrets) || !c.secrets && c.secretSpaces {
			continue
		}
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			t.Parallel()
			objects := render(t, c.values())
			diff := func(account string, want rights) {
				if diff := cmp.Diff(want, rightsOf(t, objects, account)); diff != "" {
					t.Errorf("rights of %s, -config/rbac +chart:\n%s", account, diff)
				}
			}
			want := narrowed(publisher, c.openMetrics, func(right string) []string { return publisherSpaces(right, c) })
			want.add(leases("publisher"), namespace)
			diff("capi-inventory-publisher", want)
			want = rights{}
			if c.scoped {
				want = narrowed(broker, c.openMetrics, func(right string) []string { return brokerSpaces(right, c) })
				want.add(leases("broker"), namespace)
				for _, where := range granted {
					want.add(brokerNamespace, where)
				}
			}
			diff("capi-inventory-broker", want)
			if !c.consumer {
				diff("capi-inventory-consumer", rights{})
				return
			}
			want = narrowed(consumer, c.openMetrics, func(right string) []string { return spaces(c.profileSpaces && !aboutMetrics(right)) })
			want.add(leases("consumer"), namespace)
			for _, where := range secretSpaces(c) {
				want.add(secrets, where)
			}
			diff("capi-inventory-consumer", want)
		})
	}
}

// TestLeases: each program may take its own Lease and no other's, or one that is taken over could stop the others, or act beside them.
func TestLeases(t *testing.T) {
	for values, names := range map[string]map[string]string{
		"": {"publisher": "publisher.capi-inventory.dev", "consumer": "capi-inventory-consumer", "broker": "capi-inventory-broker"},
		"publisher: {class: blue}": {
			"publisher": "publisher-blue.capi-inventory.dev", "consumer": "capi-inventory-consumer-blue", "broker": "capi-inventory-broker-blue",
		},
		"consumer: {name: inside}": {"consumer": "inside"},
	} {
		objects := render(t, "access: {mode: scoped}\n"+values)
		for component, name := range names {
			found := rightsOf(t, objects, "capi-inventory-"+component)
			maps.DeleteFunc(found, func(right string, where []string) bool {
				return !strings.Contains(right, " leases.") || strings.HasPrefix(right, "list ")
			})
			want := rights{
				"create leases.coordination.k8s.io":         {namespace},
				"get leases.coordination.k8s.io/" + name:    {namespace},
				"update leases.coordination.k8s.io/" + name: {namespace},
			}
			if diff := cmp.Diff(want, found); diff != "" {
				t.Errorf("the %s with %q, -want +chart:\n%s", component, values, diff)
			}
		}
	}
}

// TestRightsAtTheEnd: the job that withdraws everything has its own account, with nothing but what that takes.
func TestRightsAtTheEnd(t *testing.T) {
	for _, values := range []string{"", "publisher: {namespaces: [team-a]}"} {
		want := rights{
			"list inventories.capi-inventory.dev":                         {""},
			"delete inventories.capi-inventory.dev":                       {""},
			"list clusterprofiles.multicluster.x-k8s.io":                  {""},
			"list accessgrants.capi-inventory.dev":                        {""},
			"get leases.coordination.k8s.io/publisher.capi-inventory.dev": {namespace},
		}
		if diff := cmp.Diff(want, rightsOf(t, render(t, values, onHub(t)...), "capi-inventory-withdrawal")); diff != "" {
			t.Errorf("with %q, -want +chart:\n%s", values, diff)
		}
	}
}

// TestRightsOnProviders: what roles of other providers grant holds where the publisher reads Clusters, and nowhere else.
func TestRightsOnProviders(t *testing.T) {
	for values, want := range map[string][]string{
		"": {""},
		"publisher: {namespaces: [team-a, team-b]}": {"team-a", "team-b"},
	} {
		var where []string
		for _, object := range render(t, values) {
			if kind := object.GetKind(); kind != "ClusterRoleBinding" && kind != "RoleBinding" {
				continue
			}
			if binding := as[rbacv1.RoleBinding](
				t,
				object,
			); binding.RoleRef.Name == "capi-inventory-publisher-aggregated" &&
				binding.RoleRef.Kind == "ClusterRole" {
				where = append(where, binding.Namespace)
			}
		}
		if diff := cmp.Diff(want, where); diff != "" {
			t.Errorf("with %q, -want +chart:\n%s", values, diff)
		}
	}
}

// TestProvidersOfOneRelease: what a release lets its publisher read is not for the publishers of other releases. Roles of users are.
func TestProvidersOfOneRelease(t *testing.T) {
	const values = "publisher: {providerGroups: [controlplane.example.com]}\nfullnameOverride: "
	roles := func(release string) (aggregated rbacv1.ClusterRole, providers labels.Set) {
		for _, object := range render(t, values+release) {
			switch id(object) {
			case "ClusterRole/" + release + "-publisher-aggregated":
				aggregated = as[rbacv1.ClusterRole](t, object)
			case "ClusterRole/" + release + "-publisher-providers":
				providers = object.GetLabels()
			}
		}
		return aggregated, providers
	}
	mine, own := roles("mine")
	_, others := roles("others")
	for _, c := range []struct {
		whose  string
		labels labels.Set
		want   bool
	}{
		{"its own", own, true},
		{"another release's", others, false},
		{"a user's", labels.Set{"capi-inventory.dev/aggregate-to-publisher": "true"}, true},
	} {
		if len(c.labels) == 0 {
			t.Fatalf("%s role has no labels", c.whose)
		}
		selects := slices.ContainsFunc(mine.AggregationRule.ClusterRoleSelectors, func(selector metav1.LabelSelector) bool {
			return labels.SelectorFromSet(selector.MatchLabels).Matches(c.labels)
		})
		if selects != c.want {
			t.Errorf("%s role is aggregated: %t, want %t", c.whose, selects, c.want)
		}
	}
}

// narrowed are the rights of generated rules, where the choices put them.
func narrowed(rules []rbacv1.PolicyRule, openMetrics bool, where func(right string) []string) rights {
	everywhere := rights{}
	everywhere.add(rules, "")
	maps.DeleteFunc(everywhere, func(right string, _ []string) bool { return openMetrics && aboutMetrics(right) })
	for right := range everywhere {
		everywhere[right] = where(right)
	}
	return everywhere
}

func aboutMetrics(right string) bool {
	return strings.Contains(right, "tokenreviews") || strings.Contains(right, "subjectaccessreviews")
}

func spaces(chosen bool) []string {
	if chosen {
		return []string{"team-a", "team-b"}
	}
	return []string{""}
}

// secretSpaces is where the consumer may read Secrets.
func secretSpaces(c choices) (where []string) {
	if c.secrets {
		where = spaces(c.secretSpaces)
	}
	if c.scoped && (!c.secrets || c.secretSpaces) {
		where = append(where, granted...)
	}
	return where
}

// publisherSpaces is where the publisher needs a right when it publishes the Clusters of two namespaces alone.
func publisherSpaces(right string, c choices) []string {
	verb, resource, _ := strings.Cut(right, " ")
	writes := verb == "create" || verb == "patch" || verb == "delete"
	switch {
	case !c.clusterSpaces:
		return []string{""}
	case resource == "clusters.cluster.x-k8s.io", resource == "secrets.",
		resource == "*.controlplane.cluster.x-k8s.io", resource == "*.infrastructure.cluster.x-k8s.io":
		return []string{"team-a", "team-b"}
	case writes && (strings.HasPrefix(resource, "clusterprofiles") || resource == "accessgrants.capi-inventory.dev"),
		resource == "events.events.k8s.io":
		if c.scoped {
			return []string{"argocd", namespace, "team-a", "team-b"}
		}
		return []string{"argocd", "team-a", "team-b"}
	}
	return []string{""}
}

// brokerSpaces is where the broker needs a right: to grants where it grants access, and to kubeconfigs where Clusters are.
func brokerSpaces(right string, c choices) []string {
	_, resource, _ := strings.Cut(right, " ")
	switch resource {
	case "accessgrants.capi-inventory.dev", "accessgrants/status.capi-inventory.dev", "events.events.k8s.io",
		"clusterprofiles.multicluster.x-k8s.io":
		return slices.Clone(granted)
	case "clusters.cluster.x-k8s.io", "secrets.":
		return spaces(c.clusterSpaces)
	}
	return []string{""}
}
