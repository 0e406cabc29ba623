// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

func TestKey(t *testing.T) {
	long := strings.Repeat("n", 50)
	for name, tc := range map[string]struct {
		why                string
		spec               v1alpha1.InventorySpec
		namespace, cluster string
		want               string
	}{
		"Beside": {
			why:       "the name itself, where nothing else is needed",
			namespace: "team-a", cluster: "c1", want: "team-a/c1",
		},
		"Shared": {
			why:       "two namespaces may have a Cluster of the same name",
			spec:      v1alpha1.InventorySpec{Namespace: "argocd"},
			namespace: "team-a", cluster: "c1", want: "argocd/team-a--c1",
		},
		"SharedByName": {
			why:       "the administrator knows that names are unique",
			spec:      v1alpha1.InventorySpec{Namespace: "argocd", ProfileName: "Name"},
			namespace: "team-a", cluster: "c1", want: "argocd/c1",
		},
		"BesideBoth": {
			why:       "as asked for",
			spec:      v1alpha1.InventorySpec{ProfileName: "NamespaceAndName"},
			namespace: "team-a", cluster: "c1", want: "team-a/team-a--c1",
		},
		"Long": {
			why:       "namespace and name fit a label together",
			spec:      v1alpha1.InventorySpec{Namespace: "argocd"},
			namespace: "team-a", cluster: long, want: "argocd/team-a--nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn---kmzak23gjo",
		},
		"LongNamespace": {
			why:       "something readable stays",
			spec:      v1alpha1.InventorySpec{Namespace: strings.Repeat("m", 63)},
			namespace: "team-a", cluster: "c1-with-a-name", want: strings.Repeat("m", 63) + "/team-a---5ukxuct5gk",
		},
		"Dots": {
			why:       "a profile's name is a DNS label",
			namespace: "team-a", cluster: "c1.example.com", want: "team-a/c1-example-com---h7hmwj6pih",
		},
		"SeparatorInAPart": {
			why:       "a name that could be taken apart in two ways is hashed",
			spec:      v1alpha1.InventorySpec{Namespace: "argocd"},
			namespace: "team-a", cluster: "b--c1", want: "argocd/team-a--b--c1---",
		},
		"LikeAHashedOne": {
			why:       "no user can choose a name that a long one has been given",
			namespace: "team-a", cluster: "c1-example-com---h7hmwj6pih", want: "team-a/c1-example-com---h7hmwj6pih---",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := compile(t, tc.spec).Key(fixture.Cluster(tc.namespace, tc.cluster))
			if len(got.Name) > 63 || len(tc.want) < 70 && len(got.Namespace)+len(got.Name) > 62 {
				t.Errorf("%s is too long", got)
			}
			if !strings.HasPrefix(got.String(), tc.want) || !strings.HasSuffix(tc.want, "---") && got.String() != tc.want {
				t.Errorf("%s: got %s, want %s", tc.why, got, tc.want)
			}
		})
	}
}

// TestKeysAreUnique gives all ways to divide a few texts into a namespace and a name a profile each.
func TestKeysAreUnique(t *testing.T) {
	long := strings.Repeat("n", 50)
	shared := compile(t, v1alpha1.InventorySpec{Namespace: "x"})
	owners := map[string]string{}
	for _, text := range []string{"a-b-c1", "a--b--c1", "a---b", "a--b-c--d-e", "aaaa-" + long + "-" + long, "a.b.c-d.e"} {
		for i := 1; i < len(text)-1; i++ {
			for _, gap := range []int{0, 1, 2} {
				if i+gap >= len(text) {
					continue
				}
				namespace, name := text[:i], text[i+gap:]
				if len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
					continue
				}
				cluster := namespace + "/" + name
				key := shared.Key(fixture.Cluster(namespace, name)).Name
				if owner, taken := owners[key]; taken && owner != cluster {
					t.Errorf("%s and %s are both %s", owner, cluster, key)
				}
				owners[key] = cluster
			}
		}
	}
	if len(owners) < 50 {
		t.Errorf("only %d names were tried", len(owners))
	}
}

func TestDeniedKeys(t *testing.T) {
	inventory := compile(t, v1alpha1.InventorySpec{
		Labels:      v1alpha1.Propagation{Include: []string{"*"}},
		Annotations: v1alpha1.Propagation{Include: []string{"*"}},
	})
	denied := map[string]string{
		"argocd.argoproj.io/secret-type":                   "cluster",
		"cluster.x-k8s.io/cluster-name":                    "c1",
		"topology.kubernetes.io/zone":                      "a",
		"kubectl.kubernetes.io/last-applied-configuration": "x",
		"x-k8s.io/cluster-manager":                         "other",
		"capi-inventory.dev/inventory":                     "other",
	}
	cluster := fixture.Cluster("a", "c1", fixture.Labels(denied), fixture.Annotations(denied), fixture.Labels(map[string]string{
		"mine":        "1",
		"notk8s.io/x": "1",
	}))
	got, _ := inventory.Profile(facts(cluster))
	for key := range denied {
		if value, ok := got.Labels[key]; ok && value == denied[key] {
			t.Errorf("the label %s was copied", key)
		}
		if _, ok := got.Annotations[key]; ok {
			t.Errorf("the annotation %s was copied", key)
		}
	}
	if got.Labels["mine"] != "1" || got.Labels["notk8s.io/x"] != "1" {
		t.Errorf("an ordinary label was not copied: %v", got.Labels)
	}
}

func TestHeadlampIgnoreCanBeExcluded(t *testing.T) {
	inventory := compile(t, v1alpha1.InventorySpec{Labels: v1alpha1.Propagation{Exclude: []string{"headlamp.dev/*"}}})
	got, _ := inventory.Profile(facts(fixture.Cluster("a", "c1", fixture.Labels(map[string]string{"headlamp.dev/ignore": "true"}))))
	if _, copied := got.Labels["headlamp.dev/ignore"]; copied {
		t.Error("excluded, and yet copied")
	}
}

func TestMemberIDNeverChanges(t *testing.T) {
	cluster := fixture.Cluster("a", "c1", fixture.UID("uid-1"))
	f := facts(cluster)
	id := func() string {
		out, _ := compile(t, v1alpha1.InventorySpec{}).Profile(f)
		return out.Labels[v1alpha1.LabelInventoryMemberID]
	}
	if got := id(); got != "uid-1" {
		t.Errorf("the UID is the default: got %s", got)
	}
	fixture.Labels(map[string]string{v1alpha1.LabelInventoryMemberID: "london"})(cluster)
	if got := id(); got != "london" {
		t.Errorf("the Cluster's own label wins: got %s", got)
	}
	published := &inventoryv1alpha1.ClusterProfile{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1alpha1.LabelInventoryMemberID: "uid-1"}},
	}
	f.Published = read(t, published)
	if got := id(); got != "london" {
		t.Errorf("an id that another writer has put there is not adopted: got %s", got)
	}
	f.Published = read(t, owningLabels(published, v1alpha1.LabelInventoryMemberID))
	if got := id(); got != "uid-1" {
		t.Errorf("a member keeps its id while its profile lives: got %s", got)
	}
}

// TestOneBadDatumNeverBlocksTheRest is failure class 6 of other producers.
func TestOneBadDatumNeverBlocksTheRest(t *testing.T) {
	inventory := compile(t, v1alpha1.InventorySpec{
		Labels: v1alpha1.Propagation{Include: []string{"*"}}, Annotations: v1alpha1.Propagation{Include: []string{"*"}},
		Properties: []v1alpha1.PropertyExpression{
			{Name: "empty.example.com", Expression: "''"},
			{Name: "long.example.com", Expression: "cluster.metadata.annotations['long']"},
			{Name: "object.example.com", Expression: "cluster.metadata"},
			{Name: "good.example.com", Expression: "'good'"},
		},
		AccessProviders: []v1alpha1.AccessProvider{
			{Name: "bad-server", Exec: &v1alpha1.ExecAccess{Server: "'http://plain:80'"}},
			{
				Name: "absent-value",
				Exec: &v1alpha1.ExecAccess{Extension: map[string]v1alpha1.Expression{"region": "controlPlane.spec.region"}},
			},
			{Name: "good", KubeconfigSecret: &v1alpha1.KubeconfigSecretAccess{}},
		},
	})
	cluster := fixture.Cluster("a", "c1", fixture.Provisioned("v1.36.3"), fixture.Labels(map[string]string{"good": "1"}),
		fixture.Annotations(map[string]string{"long": strings.Repeat("x", 2000), "huge": strings.Repeat("x", 20000)}))
	cluster.Labels["bad"] = "not a label value"
	whole, problems := inventory.Profile(facts(cluster))
	part, more := inventory.Status(facts(cluster), 1)

	if whole.Labels["good"] != "1" || whole.Labels["bad"] != "" {
		t.Errorf("labels: %v", whole.Labels)
	}
	var names []string
	for _, p := range part.Status.Properties {
		names = append(names, *p.Name)
	}
	if diff := cmp.Diff([]string{
		"control-plane-kind.capi-inventory.dev",
		"good.example.com",
		"infrastructure-kind.capi-inventory.dev",
	}, names); diff != "" {
		t.Errorf("properties -want +got:\n%s", diff)
	}
	if len(part.Status.AccessProviders) != 1 || *part.Status.AccessProviders[0].Name != "good" {
		t.Errorf("access providers: %v", part.Status.AccessProviders)
	}
	var reported []string
	for _, p := range append(problems, more...) {
		reported = append(reported, p.Reason+" "+strings.SplitN(p.Message, ":", 2)[0])
	}
	if diff := cmp.Diff([]string{
		"LabelSkipped label bad", "LabelSkipped annotation huge",
		"AccessProviderSkipped access provider bad-server", "AccessProviderSkipped access provider absent-value",
		"PropertySkipped property long.example.com", "PropertySkipped property object.example.com",
	}, reported); diff != "" {
		t.Errorf("everything left out is reported -want +got:\n%s", diff)
	}
}

func TestLastGoodAccess(t *testing.T) {
	const old = "https://10.0.0.1:6443"
	published := func(secret string, owned ...string) *inventoryv1alpha1.ClusterProfile {
		return owningProvider(
			&inventoryv1alpha1.ClusterProfile{
				Status: inventoryv1alpha1.ClusterProfileStatus{AccessProviders: []inventoryv1alpha1.AccessProvider{{
					Name: "kubeconfig-secretreader",
					Cluster: clientcmdv1.Cluster{Server: old, Extensions: []clientcmdv1.NamedExtension{{
						Name: "client.authentication.k8s.io/exec", Extension: runtime.RawExtension{
							Raw: []byte(`{"key":"value","name":"` + secret + `","namespace":"a"}`),
						},
					}}},
				}}},
			},
			"kubeconfig-secretreader",
			owned...)
	}
	proxied := published("c1-kubeconfig", "server", "extensions")
	proxied.Status.AccessProviders[0].Cluster.ProxyURL = "https://proxy.example.com:3128"
	rejected := map[profile.SecretKey]profile.Kubeconfig{{Name: "c1-kubeconfig", Key: "value"}: {
		Rejected: &endpoint.RejectedError{Reason: endpoint.Empty, Message: "the kubeconfig is empty"},
	}}
	for name, tc := range map[string]struct {
		why        string
		published  *inventoryv1alpha1.ClusterProfile
		servers    int
		joined     metav1.ConditionStatus
		intrusions []string
	}{
		"Never": {why: "there is nothing to keep", published: nil, joined: metav1.ConditionFalse},
		"Same": {
			why:       "a failure that passes must not take a working access away",
			published: published("c1-kubeconfig", "server", "extensions"), servers: 1, joined: metav1.ConditionTrue,
		},
		"AnotherSecret": {
			why:       "the administrator has turned to another Secret; the old reference is not what is wanted",
			published: published("c1-user-kubeconfig", "server", "extensions"), joined: metav1.ConditionFalse,
		},
		"ServerChangedByAnother": {
			why:       "what another writer put there is not adopted, and does not stay",
			published: published("c1-kubeconfig", "extensions"), joined: metav1.ConditionFalse,
			intrusions: []string{"/status/accessProviders/0"},
		},
		"ProxyAddedByAnother": {
			why:       "a proxy redirects consumers as well as a server does",
			published: proxied, joined: metav1.ConditionFalse, intrusions: []string{"/status/accessProviders/0"},
		},
		"AnothersProvider": {
			why:       "a provider of which we own nothing is its owner's",
			published: published("c1-kubeconfig"), joined: metav1.ConditionFalse,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := facts(fixture.Cluster("a", "c1", fixture.Provisioned("v1.36.3")))
			f.Published, f.Kubeconfigs = read(t, tc.published), rejected
			got := status(t, f)
			if len(got.AccessProviders) != tc.servers || tc.servers > 0 && got.AccessProviders[0].Cluster.Server != old {
				t.Errorf("%s: got %v", tc.why, got.AccessProviders)
			}
			joined := condition(t, got, "Joined")
			if joined.Status != tc.joined || !strings.Contains(joined.Message, "the kubeconfig is empty") {
				t.Errorf("%s: got %v", tc.why, joined)
			}
			inventory := compile(t, v1alpha1.InventorySpec{})
			wanted, _ := inventory.Status(f, 1)
			if diff := cmp.Diff(tc.intrusions, inventory.Intrusions(f.Published, wanted)); diff != "" {
				t.Errorf("%s: intrusions -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestTellsWhatConsumersIgnore(t *testing.T) {
	f := facts(fixture.Cluster("a", "c1", fixture.Provisioned("v1.36.3")))
	f.Kubeconfigs[profile.SecretKey{
		Name: "c1-kubeconfig",
		Key:  "value",
	}] = profile.Kubeconfig{Endpoint: endpoint.Endpoint{Server: "https://a:1", TLSServerName: "kubernetes"}}
	out, problems := compile(t, v1alpha1.InventorySpec{}).Status(f, 1)
	if out.Status.AccessProviders[0].Cluster.TLSServerName != "kubernetes" {
		t.Error("it is published all the same")
	}
	if len(problems) != 1 || problems[0].Reason != v1alpha1.ProblemTLSServerNameIgnored {
		t.Errorf("and reported: got %v", problems)
	}
}

func TestSelects(t *testing.T) {
	inventory := compile(t, v1alpha1.InventorySpec{
		ClusterSelector:   metav1.LabelSelector{MatchLabels: map[string]string{"env": "prod"}},
		NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}},
	})
	for name, tc := range map[string]struct {
		cluster   map[string]string
		namespace labels.Set
		want      bool
	}{
		"Both":            {cluster: map[string]string{"env": "prod"}, namespace: labels.Set{"team": "a"}, want: true},
		"OtherCluster":    {cluster: map[string]string{"env": "test"}, namespace: labels.Set{"team": "a"}},
		"OtherNamespace":  {cluster: map[string]string{"env": "prod"}, namespace: labels.Set{"team": "b"}},
		"OptedOut":        {cluster: map[string]string{"env": "prod", v1alpha1.LabelPublish: "false"}, namespace: labels.Set{"team": "a"}},
		"OptedOutCapital": {cluster: map[string]string{"env": "prod", v1alpha1.LabelPublish: "False"}, namespace: labels.Set{"team": "a"}},
		"NoBool": {
			cluster:   map[string]string{"env": "prod", v1alpha1.LabelPublish: "no"},
			namespace: labels.Set{"team": "a"},
			want:      true,
		},
		"OptedIn": {
			cluster:   map[string]string{"env": "prod", v1alpha1.LabelPublish: "true"},
			namespace: labels.Set{"team": "a"},
			want:      true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := inventory.Selects(fixture.Cluster("ns", "c1", fixture.Labels(tc.cluster)), tc.namespace); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestCompileNamesTheField(t *testing.T) {
	_, err := compileError(t, v1alpha1.InventorySpec{
		ClusterSelector: metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "env", Operator: "Near"}}},
		Labels:          v1alpha1.Propagation{Include: []string{"two words"}},
		Properties:      []v1alpha1.PropertyExpression{{Name: "x.example.com", Expression: "cluster."}},
		AccessProviders: []v1alpha1.AccessProvider{{
			Name: "p",
			Exec: &v1alpha1.ExecAccess{Server: "clutser", Extension: map[string]v1alpha1.Expression{"k": "1 +"}},
		}},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{
		"spec.clusterSelector",
		"spec.labels.include[0]",
		"spec.properties[x.example.com].expression",
		"spec.accessProviders[p].exec.server",
		"spec.accessProviders[p].exec.extension[k]",
	} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("the error does not name %s:\n%v", field, err)
		}
	}
}
