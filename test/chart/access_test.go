// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"context"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// TestAccess: where access is scoped there is a broker, and Inventories that ask it for something.
func TestAccess(t *testing.T) {
	for name, c := range map[string]rendering{
		"Scoped": {
			why:    "one value is enough, and leaves the administrator's Secrets out of the consumer's reach",
			values: "access: {mode: scoped}",
			has: []string{
				"Deployment/capi-inventory-broker",
				"ServiceAccount/capi-inventory-broker",
				"PodDisruptionBudget/capi-inventory-broker",
				"Service/capi-inventory-broker-metrics",
				"Role/capi-inventory-broker-grants",
				"Role/capi-inventory-consumer-secrets",
			},
			hasNot: []string{"ClusterRole/capi-inventory-consumer-secrets", "Role/team-a/capi-inventory-consumer-secrets"},
			says: []string{
				"spec:\n  accessProviders:\n  - name: kubeconfig-secretreader\n    serviceAccount:\n      clusterRoles:\n      - view\n" +
					"  namespace: capi-inventory-system\n",
				"image: ghcr.io/capi-inventory/broker:v0.1.0",
				"- --namespace=capi-inventory-system\n        - --diagnostics-address=:8443",
				"- --concurrency=20\n        - --timeout=10s\n        - --zap-log-level=info\n        image:",
			},
			saysNot: []string{"--reference-namespaces"},
		},
		"BesideClusters": {
			why:     "an administrator may decide so, and lists the namespaces",
			values:  "access: {mode: scoped, namespaces: [team-a, team-b], serviceAccount: {clusterRoles: [edit], tokenTTL: 1h}}",
			has:     []string{"Role/team-a/capi-inventory-broker-grants", "Role/team-b/capi-inventory-consumer-secrets"},
			hasNot:  []string{"Role/capi-inventory-broker-grants", "Role/capi-inventory-consumer-secrets"},
			says:    []string{"clusterRoles:\n      - edit\n      tokenTTL: 1h", "- --namespace=team-a,team-b\n"},
			saysNot: []string{"  namespace: capi-inventory-system\n---", "- view"},
		},
		"OwnInventories": {
			why: "what an Inventory says of its own stays, and its namespace is derived where it asks for access",
			values: `
access: {mode: scoped}
inventories:
- {name: argocd, spec: {namespace: argocd, accessProviders: [{name: secretreader, serviceAccount: {clusterRoles: [edit]}}]}}
- {name: monitoring, spec: {namespace: monitoring, accessProviders: [{name: kubeconfig-secretreader, kubeconfigSecret: {}}]}}
`,
			has:     []string{"Role/argocd/capi-inventory-broker-grants"},
			hasNot:  []string{"Role/monitoring/capi-inventory-broker-grants", "Role/capi-inventory-broker-grants"},
			says:    []string{"- --namespace=argocd\n", "name: secretreader\n    serviceAccount:\n      clusterRoles:\n      - edit"},
			saysNot: []string{"- view"},
		},
		"BesideClustersAsSaid": {
			why: "an Inventory may say that it publishes beside its Clusters, beside others that do not",
			values: `
access: {mode: scoped, namespaces: [team-a]}
inventories: [{name: beside, spec: {namespace: ""}}, {name: central, spec: {namespace: argocd}}]
`,
			has:     []string{"Role/team-a/capi-inventory-broker-grants", "Role/argocd/capi-inventory-broker-grants"},
			saysNot: []string{`namespace: ""`},
		},
		"BrokerForOthers": {
			why:     "Inventories that are not the chart's may ask for access, too",
			values:  "broker: {enabled: true}\naccess: {namespaces: [argocd]}",
			has:     []string{"Deployment/capi-inventory-broker", "Role/argocd/capi-inventory-broker-grants"},
			hasNot:  []string{"Role/argocd/capi-inventory-consumer-secrets"},
			saysNot: []string{"kubeconfig-secretreader\n    serviceAccount"},
		},
		"RulesAlone": {
			why:     "rules do not add to a role that nobody asked for",
			values:  "access: {mode: scoped, serviceAccount: {rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]}}",
			says:    []string{"serviceAccount:\n      rules:"},
			saysNot: []string{"- view", "clusterRoles:"},
		},
		"ConsumerReadsWhatIsGranted": {
			why: "whatever the mode is, and without repeating where that is",
			values: `
access: {namespaces: [argocd]}
broker: {enabled: true}
consumer: {readSecrets: {enabled: true, namespaces: [team-a]}}
`,
			has: []string{"Role/argocd/capi-inventory-consumer-secrets", "Role/team-a/capi-inventory-consumer-secrets"},
		},
		"ConsumerReadsNothing": {
			why:    "an administrator may decide so",
			values: "access: {mode: scoped}\nconsumer: {readSecrets: {enabled: false}}",
			hasNot: []string{"Role/capi-inventory-consumer-secrets"},
		},
		"Class": {
			why:    "the broker is of the class of its publisher",
			values: "access: {mode: scoped}\npublisher: {class: blue}\nmetrics: {rules: {enabled: true}}",
			says: []string{
				"- --zap-log-level=info\n        - --publisher-class=blue\n        image: ghcr.io/capi-inventory/broker",
				`name="capi-inventory-broker-blue"`, "publisherClass: blue",
			},
		},
		"OwnAccount": {
			why:    "as for the other components",
			values: "access: {mode: scoped}\nbroker: {serviceAccount: {create: false, name: mine}, podDisruptionBudget: {enabled: false}}",
			hasNot: []string{"ServiceAccount/mine", "ServiceAccount/capi-inventory-broker", "PodDisruptionBudget/capi-inventory-broker"},
			says:   []string{"serviceAccountName: mine"},
		},
	} {
		t.Run(name, c.check)
	}
}

// TestAccessNotes: an installation says where access is granted, and what a release without a broker leaves behind.
func TestAccessNotes(t *testing.T) {
	g := NewWithT(t)
	printed := func(values string) string {
		t.Helper()
		printed, err := dryRun(t, values)
		g.Expect(err).NotTo(HaveOccurred(), printed)
		return printed
	}
	g.Expect(printed("")).To(And(ContainSubstring("It may read no Secret yet"), Not(ContainSubstring("AccessGrants"))))
	g.Expect(printed("access: {mode: scoped}")).To(And(
		Not(ContainSubstring("It may read no Secret yet")),
		ContainSubstring(
			"access of limited rights in the namespaces capi-inventory-system:",
		),
		ContainSubstring("kubectl get accessgrants -A"),
		Not(ContainSubstring("includes the administrator's")),
	))
	g.Expect(printed("access: {mode: scoped, namespaces: [team-a]}")).To(ContainSubstring("includes the administrator's"))

	left := &v1alpha1.AccessGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "c1.kubeconfig-secretreader"},
		Spec: v1alpha1.AccessGrantSpec{
			Inventory: "default", Provider: "kubeconfig-secretreader", Profile: "c1",
			Cluster:        v1alpha1.GrantedCluster{Namespace: "team-a", Name: "c1", UID: "1"},
			ServiceAccount: v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"view"}},
		},
	}
	g.Expect(k8s.Create(t.Context(), left)).To(Succeed())
	t.Cleanup(func() { g.Expect(k8s.Delete(context.Background(), left)).To(Succeed()) })
	g.Expect(printed("")).To(And(
		ContainSubstring("WARNING: this hub has AccessGrants of this publisher class (1) in namespaces where this release has no broker"),
		ContainSubstring("--set 'access.namespaces={monitoring}'")))
	g.Expect(printed("broker: {enabled: true}\naccess: {namespaces: [monitoring]}")).NotTo(ContainSubstring("WARNING"))
	g.Expect(printed("broker: {enabled: true}\naccess: {namespaces: [argocd]}")).
		To(ContainSubstring("--set 'access.namespaces={argocd,monitoring}'"), "the list has become shorter")
	g.Expect(printed("publisher: {class: blue}")).NotTo(ContainSubstring("WARNING"), "grants of another class have another broker")
}

// release makes an Inventory of the release that a dry run is of, until the test ends.
func release(t *testing.T, name string, spec v1alpha1.InventorySpec) {
	t.Helper()
	releaseOf(t, types.NamespacedName{Namespace: namespace, Name: "trial"}, name, spec)
}

func releaseOf(t *testing.T, owner types.NamespacedName, name string, spec v1alpha1.InventorySpec) {
	t.Helper()
	g := NewWithT(t)
	live := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{
		Name:        name,
		Labels:      map[string]string{"app.kubernetes.io/managed-by": "Helm"},
		Annotations: map[string]string{"meta.helm.sh/release-name": owner.Name, "meta.helm.sh/release-namespace": owner.Namespace},
	}, Spec: spec}
	g.Expect(k8s.Create(t.Context(), live)).To(Succeed())
	t.Cleanup(func() { g.Expect(k8s.Delete(context.Background(), live)).To(Succeed()) })
}

// TestAccessMovesNoProfile: a profile that moves to another namespace is another cluster to its consumers.
func TestAccessMovesNoProfile(t *testing.T) {
	for name, space := range map[string]string{"beside": "", "central": namespace, "other": "argocd"} {
		release(t, name, v1alpha1.InventorySpec{Namespace: space})
	}
	const moves = `inventories: the profiles of Inventory "%s" would move from %s to %s: set its spec.namespace to where they should be; %q`
	const clusters = "the namespaces of their Clusters"
	for name, c := range map[string]struct{ why, values, refused string }{
		"ToTheRelease": {
			"scoped access is published into the release's namespace", "access: {mode: scoped}\ninventories: [{name: beside}]",
			fmt.Sprintf(moves, "beside", clusters, namespace, ""),
		},
		"ToTheClusters": {
			"an administrator's is not", "inventories: [{name: central}]", fmt.Sprintf(moves, "central", namespace, clusters, namespace),
		},
		"ToTheClustersOfAccess": {
			"access.namespaces takes the derived namespace away", "access: {mode: scoped, namespaces: [team-a]}\ninventories: [{name: central}]",
			fmt.Sprintf(moves, "central", namespace, clusters, namespace),
		},
		"FromElsewhere": {
			"somebody has put it there by hand", "access: {mode: scoped}\ninventories: [{name: other}]",
			fmt.Sprintf(moves, "other", "argocd", namespace, "argocd"),
		},
		"ToTheReleaseAsSaid": {
			"values may say so", "access: {mode: scoped}\ninventories: [{name: beside, spec: {namespace: capi-inventory-system}}]", "",
		},
		"ToTheClustersAsSaid": {"also to the Clusters", "inventories: [{name: central, spec: {namespace: ''}}]", ""},
		"BesideClusters": {
			"nothing moves", "access: {mode: scoped, namespaces: [team-a]}\ninventories: [{name: beside}]", "",
		},
		"BesideClustersAsSaid": {
			"nothing moves", "access: {mode: scoped, namespaces: [team-a]}\ninventories: [{name: beside, spec: {namespace: ''}}, {name: new}]", "",
		},
		"AdministratorStays": {"nothing moves", "inventories: [{name: beside}]", ""},
		"ScopedStays":        {"nothing moves", "access: {mode: scoped}\ninventories: [{name: central}]", ""},
		"AdministratorCentral": {
			"nothing moves", "inventories: [{name: central, spec: {namespace: capi-inventory-system}}]", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			printed, err := dryRun(t, c.values)
			g.Expect(err != nil).To(Equal(c.refused != ""), "%s: %s", c.why, printed)
			g.Expect(printed).To(ContainSubstring(c.refused), c.why)
		})
	}
}

// TestClassOfAReleaseStays: the API server refuses another class, which is known before anything is changed.
func TestClassOfAReleaseStays(t *testing.T) {
	for name, class := range map[string]string{"classless": "", "blue": "blue"} {
		release(t, name, v1alpha1.InventorySpec{PublisherClass: class})
	}
	other := types.NamespacedName{Namespace: "team-a", Name: "other"}
	releaseOf(t, other, "foreign", v1alpha1.InventorySpec{})
	const refused = `publisher.class: Inventory %q has the publisherClass %q, which cannot be changed to %q`
	for name, c := range map[string]struct{ values, refused string }{
		"Given":   {"publisher: {class: blue}\ninventories: [{name: classless}]", fmt.Sprintf(refused, "classless", "", "blue")},
		"Taken":   {"inventories: [{name: blue}]", fmt.Sprintf(refused, "blue", "blue", "")},
		"Changed": {"publisher: {class: green}\ninventories: [{name: blue}]", fmt.Sprintf(refused, "blue", "blue", "green")},
		"Stays":   {"publisher: {class: blue}\ninventories: [{name: blue}, {name: new}]", ""},
		"Foreign": {
			"publisher: {class: blue}\ninventories: [{name: foreign}]",
			`inventories: Inventory "foreign" is of the release other in the namespace team-a: list another name`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			printed, err := dryRun(t, c.values)
			g.Expect(err != nil).To(Equal(c.refused != ""), printed)
			g.Expect(printed).To(ContainSubstring(c.refused))
		})
	}
}

// TestInventoryLosesItsFields: the Inventory of a release asks for nothing any more when its mode is changed back.
func TestInventoryLosesItsFields(t *testing.T) {
	g := NewWithT(t)
	apply := func(values string, options ...client.ApplyOption) error {
		for _, object := range render(t, values) {
			if object.GetKind() == "Inventory" {
				t.Cleanup(func() { _ = k8s.Delete(context.Background(), object) })
				options = append(options, client.FieldOwner("helm"))
				return k8s.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), options...)
			}
		}
		t.Fatal("the chart has no Inventory")
		return nil
	}
	g.Expect(apply("access: {mode: scoped}")).To(Succeed())
	g.Expect(apply("", client.DryRunAll)).To(Succeed())
}

// TestBrokerManifests: the API server takes what config/broker makes, and what lets the broker write Secrets in a namespace.
func TestBrokerManifests(t *testing.T) {
	for folder, space := range map[string]string{"config/broker": "", "config/rbac/broker-namespace": "argocd"} {
		objects, err := decode(kustomize(t, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range objects {
			if space != "" {
				object.SetNamespace(space)
			}
			accept(t, object)
		}
	}
}
