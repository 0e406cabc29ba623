// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
)

type (
	profile  = inventoryv1alpha1.ClusterProfile
	provider = inventoryv1alpha1.AccessProvider
)

// sound returns a profile that every consumer accepts, whichever namespace it reads.
func sound(change ...func(*profile)) profile {
	p := profile{ObjectMeta: metav1.ObjectMeta{
		Namespace:         "fleet",
		Name:              "london",
		CreationTimestamp: metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
		Labels: map[string]string{
			inventoryv1alpha1.LabelClusterManagerKey: "cluster-api",
			v1alpha1.LabelInventoryMemberID:          "member-1",
		},
	}}
	p.Spec.ClusterManager.Name = "cluster-api"
	p.Status.Version.Kubernetes = "v1.36.3"
	p.Status.Conditions = []metav1.Condition{
		{Type: inventoryv1alpha1.ClusterConditionControlPlaneHealthy, Status: metav1.ConditionTrue, Reason: "ProbeSucceeded"},
		{Type: v1alpha1.ConditionJoined, Status: metav1.ConditionTrue, Reason: "ClusterRegistered"},
	}
	p.Status.AccessProviders = []provider{
		access("kubeconfig-secretreader", `{"name":"london-kubeconfig","key":"value","namespace":"team-a"}`),
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

// access returns a valid access provider; an empty extension means none.
func access(name, extension string) provider {
	p := provider{Name: name, Cluster: clientcmdv1.Cluster{Server: "https://london.example.com:6443", CertificateAuthorityData: authority}}
	if extension != "" {
		extend("client.authentication.k8s.io/exec", extension)(&p)
	}
	return p
}

func extend(name, value string) func(*provider) {
	return func(p *provider) {
		p.Cluster.Extensions = append(p.Cluster.Extensions, clientcmdv1.NamedExtension{
			Name:      name,
			Extension: runtime.RawExtension{Raw: []byte(value)},
		})
	}
}

// firstProvider changes the first access provider.
func firstProvider(change func(*provider)) func(*profile) {
	return func(p *profile) { change(&p.Status.AccessProviders[0]) }
}

func accessProviders(providers ...provider) func(*profile) {
	return func(p *profile) { p.Status.AccessProviders = providers }
}

func server(url string) func(*profile) {
	return firstProvider(func(p *provider) { p.Cluster.Server = url })
}

// plugin replaces the access provider by one that no consumer has built in, so that Sveltos has to dial.
func plugin(change ...func(*provider)) func(*profile) {
	p := access("my-plugin", "")
	for _, c := range change {
		c(&p)
	}
	return accessProviders(p)
}

func label(key, value string) func(*profile) {
	return func(p *profile) { p.Labels[key] = value }
}

func health(status metav1.ConditionStatus) func(*profile) {
	return func(p *profile) { p.Status.Conditions[0].Status = status }
}

func named(namespace, name string, age time.Duration) func(*profile) {
	return func(p *profile) {
		p.Namespace, p.Name = namespace, name
		p.CreationTimestamp = metav1.NewTime(p.CreationTimestamp.Add(-age))
	}
}

func managedBy(manager string) func(*profile) {
	return func(p *profile) {
		p.Spec.ClusterManager.Name, p.Labels[inventoryv1alpha1.LabelClusterManagerKey] = manager, manager
	}
}

func deprecated(p *profile) {
	p.Status.CredentialProviders, p.Status.AccessProviders = p.Status.AccessProviders, nil
}

func TestSoundProfile(t *testing.T) {
	only := sound()
	for _, finding := range lint.Lint([]profile{only}, []profile{only}, lint.Options{}) {
		if finding.Accepts != lint.Yes {
			t.Errorf("%s does not accept a sound profile: %v", finding.Consumer, finding.Breaches)
		}
	}
}

// TestRules breaks every rule of the table, for every consumer that has it.
func TestRules(t *testing.T) {
	all := []lint.Consumer{lint.Headlamp, lint.ArgoCD, lint.Kueue, lint.Sveltos, lint.Knative, lint.MulticlusterRuntime}
	library := []lint.Consumer{lint.Headlamp, lint.Kueue, lint.Sveltos, lint.Knative, lint.MulticlusterRuntime}
	dialling := without(all, lint.Sveltos)
	covered := map[string]bool{}
	for name, tc := range ruleCases(all, library, dialling) {
		t.Run(name, func(t *testing.T) {
			broken := sound(tc.change)
			fleet := append([]profile{broken}, tc.beside...)
			var got []lint.Consumer
			for _, finding := range lint.Lint([]profile{broken}, fleet, tc.options) {
				for _, breach := range finding.Breaches {
					if breach.Rule != tc.rule {
						continue
					}
					covered[fmt.Sprintf("%s of %s", tc.rule, finding.Consumer)] = true
					got = append(got, finding.Consumer)
					if breach.Verdict != tc.verdict {
						t.Errorf("%s: the verdict of %s is %q, want %q", tc.why, finding.Consumer, breach.Verdict, tc.verdict)
					}
					if breach.What == "" || breach.Remedy == "" || breach.Source == "" {
						t.Errorf("%s: a breach must have what is wrong, a remedy and a source: %+v", tc.why, breach)
					}
				}
			}
			if diff := cmp.Diff(tc.consumers, got); diff != "" {
				t.Errorf("%s\nconsumers -want +got:\n%s", tc.why, diff)
			}
		})
	}
	for _, rule := range lint.Rules() {
		for _, consumer := range rule.Consumers {
			if key := fmt.Sprintf("%s of %s", rule.Name, consumer); !covered[key] {
				t.Errorf("no case breaks the rule %s", key)
			}
		}
	}
}

func without(all []lint.Consumer, not lint.Consumer) []lint.Consumer {
	return slices.DeleteFunc(slices.Clone(all), func(c lint.Consumer) bool { return c == not })
}

// TestPartialBreach: a consumer takes one of several access providers, and a profile does not show which.
func TestPartialBreach(t *testing.T) {
	broken := access("secretreader", `{"clusterName":"london"}`)
	broken.Cluster.Server = ""
	p := sound(func(p *profile) { p.Status.AccessProviders = append(p.Status.AccessProviders, broken) })
	cases := map[string]struct {
		why       string
		providers []string
		want      lint.Verdict
	}{
		"FileUnknown": {why: "it depends on the consumer's file", want: lint.Partly},
		"TakesBroken": {why: "there is no fallback", providers: []string{"secretreader", "kubeconfig-secretreader"}, want: lint.No},
		"TakesSound": {
			why:       "what is not taken does not matter",
			providers: []string{"kubeconfig-secretreader", "secretreader"},
			want:      lint.Yes,
		},
		"TakesNeither": {why: "the file has none of the profile's providers", providers: []string{"google"}, want: lint.No},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := lint.Lint([]profile{p}, nil, lint.Options{Consumers: []lint.Consumer{lint.Kueue}, Providers: tc.providers})
			if got[0].Accepts != tc.want {
				t.Errorf("%s: got %q, want %q: %v", tc.why, got[0].Accepts, tc.want, got[0].Breaches)
			}
		})
	}
}

func TestWorstBreachFirst(t *testing.T) {
	p := sound(health(metav1.ConditionFalse), server("https://127.0.0.1:6443"))
	finding := lint.Lint([]profile{p}, nil, lint.Options{Consumers: []lint.Consumer{lint.Knative}})[0]
	var got []string
	for _, breach := range finding.Breaches {
		got = append(got, fmt.Sprintf("%s %s", breach.Verdict, breach.Rule))
	}
	if diff := cmp.Diff([]string{"no healthy", "partly server-local"}, got); diff != "" || finding.Accepts != lint.No {
		t.Errorf("the worst breach comes first; accepted: %s -want +got:\n%s", finding.Accepts, diff)
	}
}

func TestStyleOfRules(t *testing.T) {
	for _, rule := range lint.Rules() {
		if strings.HasPrefix(rule.Source, "/") || strings.HasSuffix(rule.Remedy, ".") {
			t.Errorf("a remedy has no period, and a source is not an absolute path; the rule %s has %q, "+
				"%q", rule.Name, rule.Remedy, rule.Source)
		}
	}
}
