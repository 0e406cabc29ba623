// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	authorizationv1 "k8s.io/api/authorization/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

const (
	samples           = "config/samples/consumers"
	federationSamples = "config/samples/federation"
)

// recipe is what the test has to know of a consumer beyond its files.
type recipe struct {
	consumer lint.Consumer
	// at is the namespace of its profiles, and of the Secrets with its credentials.
	at string
	// providers is where its provider file stands: a file of the recipe, and the path to the list within.
	providers string
	list      []string
	// account is the ServiceAccount whose rights rbac.yaml gives, as namespace:name; empty where its own installation gives them.
	account string
	// everySecret says that nothing narrower than every Secret will do.
	everySecret bool
	// may and mayNot are what its credentials are worth on the spoke.
	may, mayNot []authorizationv1.ResourceAttributes
}

// everything is what cluster-admin may do.
var everything = []authorizationv1.ResourceAttributes{{Verb: "*", Group: "*", Resource: "*"}}

var recipes = []recipe{
	{
		consumer:  lint.Headlamp,
		at:        "headlamp",
		providers: "values.yaml",
		list: []string{
			"config",
			"clusterInventory",
			"accessProvidersConfig",
			"providers",
		},
		account: "headlamp:headlamp",
		may: []authorizationv1.ResourceAttributes{
			{Verb: "list", Resource: "pods"},
			{Verb: "get", Resource: "pods", Subresource: "log"},
			{Verb: "watch", Group: "apps", Resource: "deployments"},
			{Verb: "list", Resource: "nodes"},
			{Verb: "list", Group: "metrics.k8s.io", Resource: "nodes"},
		},
		mayNot: []authorizationv1.ResourceAttributes{
			{Verb: "get", Resource: "secrets"},
			{Verb: "create", Resource: "pods"},
			{Verb: "create", Resource: "pods", Subresource: "exec"},
			{Verb: "delete", Group: "apps", Resource: "deployments"},
		},
	},
	{
		consumer:  lint.ArgoCD,
		at:        "argocd",
		providers: "clusterprofile-provider-file.json",
		list:      []string{"providers"},
		may:       everything,
	},
	{
		consumer:  lint.Kueue,
		at:        "kueue-system",
		providers: "manager-config.yaml",
		list:      []string{"multiKueue", "clusterProfile", "accessProviders"},
		may: []authorizationv1.ResourceAttributes{
			{Verb: "create", Group: "batch", Resource: "jobs"},
			{Verb: "watch", Group: "ray.io", Resource: "rayclusters"},
			{Verb: "watch", Group: "kueue.x-k8s.io", Resource: "workloads"},
			{Verb: "patch", Group: "kueue.x-k8s.io", Resource: "workloads", Subresource: "status"},
		},
		mayNot: []authorizationv1.ResourceAttributes{
			{Verb: "get", Resource: "secrets"},
			{Verb: "update", Group: "batch", Resource: "jobs"},
			{Verb: "create", Group: "kueue.x-k8s.io", Resource: "clusterqueues"},
		},
	},
	{
		consumer:    lint.Sveltos,
		at:          "sveltos-fleet",
		account:     "projectsveltos:clusterinventory-controller",
		everySecret: true,
		may:         everything,
	},
	{
		consumer:  lint.Knative,
		at:        "knative-fleet",
		providers: "values.yaml",
		list:      []string{"knative_operator", "multicluster", "accessProvidersConfig", "providers"},
		may:       everything,
	},
	{
		consumer:  lint.MulticlusterRuntime,
		at:        "fleet",
		providers: "clusterprofile-provider-file.json",
		list:      []string{"providers"},
		account:   "fleet:fleet-controller",
		may:       []authorizationv1.ResourceAttributes{{Verb: "watch", Resource: "configmaps"}},
		mayNot: []authorizationv1.ResourceAttributes{
			{Verb: "update", Resource: "configmaps"},
			{Verb: "get", Resource: "secrets"},
			{Verb: "list", Resource: "pods"},
		},
	},
}

// TestRecipes publishes one Cluster by the Inventories of all recipes at once, with a broker and a spoke, and asks for each consumer
// whether it accepts its profile, whether its provider file names the access that is published, whether its rights are those that it
// needs and no more, and what the credentials are worth that it gets by them.
func TestRecipes(t *testing.T) {
	h, s := startHub(t), startSpoke(t)
	for _, namespace := range []string{"team-a", "projectsveltos"} {
		h.ensureNamespace(t, namespace)
	}
	cluster := fixture.Cluster("team-a", "london", fixture.Provisioned("v1.36.3"), fixture.Labels(map[string]string{"env": "prod"}))
	status := cluster.Status
	h.create(t, cluster)
	cluster.Status = status
	if err := h.k8s.Status().Update(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	h.create(t, fixture.KubeconfigSecret("team-a", "london", fixture.Kubeconfig("london", s.Config(), "")))
	for _, r := range recipes {
		h.ensureNamespace(t, r.at)
		h.apply(t, path.Join(samples, string(r.consumer), "inventory.yaml"))
		if r.account != "" {
			h.apply(t, path.Join(samples, string(r.consumer), "rbac.yaml"))
		}
	}
	h.startPublisher(t, prometheus.NewRegistry())
	h.startBroker(t, prometheus.NewRegistry())

	fleet := h.everyProfile(t)
	remote := elsewhere(fleet)
	for _, r := range recipes {
		t.Run(string(r.consumer), func(t *testing.T) {
			i := slices.IndexFunc(fleet, func(profile inventoryv1alpha1.ClusterProfile) bool { return profile.Namespace == r.at })
			if i < 0 {
				t.Fatalf("it has no profile in %s", r.at)
			}
			r.accepts(t, remote[i:i+1], remote)
			r.credentials(t, h, &fleet[i])
			if r.account != "" {
				r.rights(t, h)
			}
		})
	}
}

// everyProfile waits for the profiles of all recipes.
func (h hub) everyProfile(t *testing.T) []inventoryv1alpha1.ClusterProfile {
	t.Helper()
	var list inventoryv1alpha1.ClusterProfileList
	NewWithT(t).Eventually(func(g Gomega) {
		g.Expect(h.k8s.List(t.Context(), &list)).To(Succeed())
		g.Expect(list.Items).To(HaveLen(len(recipes)))
		for _, profile := range list.Items {
			g.Expect(profile.Name).To(Equal("team-a--london"))
			g.Expect(profile.Status.AccessProviders).NotTo(BeEmpty(), profile.Namespace)
		}
	}).WithTimeout(5 * time.Minute).WithPolling(50 * time.Millisecond).Should(Succeed())
	return list.Items
}

// elsewhere returns the profiles with the server of a spoke on another machine: lint complains of the loopback address of this one.
func elsewhere(fleet []inventoryv1alpha1.ClusterProfile) []inventoryv1alpha1.ClusterProfile {
	var moved []inventoryv1alpha1.ClusterProfile
	for _, profile := range fleet {
		profile := *profile.DeepCopy()
		for i := range profile.Status.AccessProviders {
			profile.Status.AccessProviders[i].Cluster.Server = "https://10.0.0.1:6443"
		}
		moved = append(moved, profile)
	}
	return moved
}

// accepts: the consumer takes the profile, by the rules of kubectl inventory lint and by its own provider file. Beside the
// profiles of the other recipes only Sveltos has a complaint, which its recipe mentions.
func (r recipe) accepts(t *testing.T, profile, fleet []inventoryv1alpha1.ClusterProfile) {
	t.Helper()
	options := lint.Options{Consumers: []lint.Consumer{r.consumer}, Namespaces: map[lint.Consumer]string{}, Providers: r.names(t)}
	if _, known := lint.DefaultNamespaces[r.consumer]; known || r.consumer == lint.MulticlusterRuntime {
		options.Namespaces[r.consumer] = r.at
	}
	alone := []lint.Finding{{Namespace: r.at, Name: "team-a--london", Consumer: r.consumer, Accepts: lint.Yes}}
	if diff := cmp.Diff(alone, lint.Lint(profile, profile, options)); diff != "" {
		t.Errorf("it does not accept the profile: -want +got:\n%s", diff)
	}
	among, want := lint.Lint(profile, fleet, options)[0], lint.Yes
	if r.consumer == lint.Sveltos {
		want = lint.Partly
	}
	if among.Accepts != want || want == lint.Partly && among.Breaches[0].Rule != "one-profile" {
		t.Errorf("among the profiles of other recipes: %+v; want %s", among, want)
	}
}

// names are those of the recipe's provider file, which is read as strictly as our own consumer reads its own. None, where
// the recipe has no such file.
func (r recipe) names(t *testing.T) []string {
	t.Helper()
	if r.providers == "" {
		return nil
	}
	var whole any
	if err := yaml.Unmarshal([]byte(contents(t, path.Join(samples, string(r.consumer), r.providers))), &whole); err != nil {
		t.Fatalf("%s: %v", r.providers, err)
	}
	for _, key := range r.list {
		whole = whole.(map[string]any)[key]
	}
	raw, err := json.Marshal(map[string]any{"providers": whole})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "providers.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := access.Load(file, access.Options{}); err != nil {
		t.Error(err)
	}
	var names []string
	for _, provider := range whole.([]any) {
		names = append(names, provider.(map[string]any)["name"].(string))
		if exec := provider.(map[string]any)["execConfig"].(map[string]any); exec["provideClusterInfo"] != true {
			t.Errorf("the plugin of %s would not learn which Secret to read", names)
		}
	}
	return names
}

// TestRecipesAreOfAllConsumers: a consumer that has rules has a recipe, and a recipe's folder a consumer.
func TestRecipesAreOfAllConsumers(t *testing.T) {
	var want, tested []string
	for _, consumer := range lint.Consumers {
		if consumer != lint.Conformance {
			want = append(want, string(consumer))
		}
	}
	for _, r := range recipes {
		tested = append(tested, string(r.consumer))
	}
	if diff := cmp.Diff(want, tested); diff != "" {
		t.Errorf("consumers and recipes -want +got:\n%s", diff)
	}
	folders, err := filepath.Glob(filepath.Join(root, samples, "*", "inventory.yaml"))
	if err != nil || len(folders) != len(want) {
		t.Errorf("%d folders for %d consumers: %v", len(folders), len(want), err)
	}
	for _, folder := range folders {
		if name := filepath.Base(filepath.Dir(folder)); !slices.Contains(want, name) {
			t.Errorf("%s does not belong to a consumer", name)
		}
	}
}

// TestRulesAreNamed: the recipe of a consumer names the rules that are its own or few others', and none that it does not have.
func TestRulesAreNamed(t *testing.T) {
	const few = 3
	pages := map[lint.Consumer]string{
		lint.Headlamp:            "headlamp",
		lint.ArgoCD:              "argo-cd",
		lint.Kueue:               "kueue",
		lint.Sveltos:             "sveltos",
		lint.Knative:             "knative",
		lint.MulticlusterRuntime: "multicluster-runtime",
	}
	for consumer, page := range pages {
		_, rules, listed := strings.Cut(contents(t, "docs/integrations/"+page+".md"), "Rules that lint knows: ")
		if !listed {
			t.Errorf("docs/integrations/%s.md names no rules", page)
			continue
		}
		rules, _, _ = strings.Cut(rules, ".")
		var named, has, own []string
		for _, match := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(rules, -1) {
			named = append(named, match[1])
		}
		for _, rule := range lint.Rules() {
			if slices.Contains(rule.Consumers, consumer) {
				has = append(has, rule.Name)
				if len(rule.Consumers) <= few {
					own = append(own, rule.Name)
				}
			}
		}
		for _, name := range named {
			if !slices.Contains(has, name) {
				t.Errorf("docs/integrations/%s.md names the rule %s, which the consumer does not have", page, name)
			}
		}
		for _, name := range own {
			if !slices.Contains(named, name) {
				t.Errorf("docs/integrations/%s.md does not name the rule %s", page, name)
			}
		}
	}
}
