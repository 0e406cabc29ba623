// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package grant_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
)

func TestNames(t *testing.T) {
	one, other := grant.HubOf("uid-1", ""), grant.HubOf("uid-2", "")
	if one == other || one == grant.HubOf("uid-1", "blue") {
		t.Error("two hubs, or two classes of one hub, have one digest")
	}
	key := types.NamespacedName{Namespace: "fleet", Name: "c1.kubeconfig-secretreader"}
	long := types.NamespacedName{Namespace: strings.Repeat("n", 63), Name: strings.Repeat("g", 246)}
	seen := map[string]string{}
	for _, hub := range []string{one, other} {
		for _, of := range []types.NamespacedName{
			key,
			{Namespace: "fleet", Name: "c2.kubeconfig-secretreader"},
			{Namespace: "fleet-c1", Name: "kubeconfig-secretreader"},
			long,
			{Namespace: long.Namespace, Name: strings.Repeat("g", 245) + "h"},
		} {
			names := grant.NamesOf(hub, of)
			if faults := validation.IsDNS1123Label(names.Namespace); len(faults) > 0 {
				t.Errorf("the namespace %q: %v", names.Namespace, faults)
			}
			if faults := validation.IsDNS1123Subdomain(names.ServiceAccount); len(faults) > 0 {
				t.Errorf("the ServiceAccount %q: %v", names.ServiceAccount, faults)
			}
			if faults := validation.IsValidLabelValue(names.Grant); len(faults) > 0 {
				t.Errorf("the label %q: %v", names.Grant, faults)
			}
			for _, id := range []string{names.User(), names.Grant} {
				if before, found := seen[id]; found {
					t.Errorf("%s and %s share %q", before, of, id)
				}
				seen[id] = hub + " " + of.String()
			}
		}
	}
	names := grant.NamesOf(one, key)
	if want := "system:serviceaccount:capi-inventory-" + one + ":fleet.c1.kubeconfig-secretreader"; names.User() != want {
		t.Errorf("the user is %q, want %q", names.User(), want)
	}
}

func TestRights(t *testing.T) {
	names := grant.NamesOf("hub", types.NamespacedName{Namespace: "fleet", Name: "c1.p"})
	rule := v1alpha1.AccessRule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"pods"}}
	for name, tc := range map[string]struct {
		access v1alpha1.ServiceAccountAccess
		want   []string
	}{
		"roles": {
			access: v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"view", "x:y"}},
			want:   []string{"ClusterRoleBinding /capi-inventory:G:view", "ClusterRoleBinding /capi-inventory:G:x:y"},
		},
		"rules": {
			access: v1alpha1.ServiceAccountAccess{Rules: []v1alpha1.AccessRule{rule}},
			want:   []string{"ClusterRole /capi-inventory:G", "ClusterRoleBinding /capi-inventory:G:capi-inventory:G"},
		},
		"in namespaces": {
			access: v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"view"}, Namespaces: []string{"a", "b"}},
			want:   []string{"RoleBinding a/capi-inventory:G:view", "RoleBinding b/capi-inventory:G:view"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, object := range names.Rights(tc.access) {
				kind := strings.TrimPrefix(fmt.Sprintf("%T", object), "*v1.")
				key := strings.ReplaceAll(client.ObjectKeyFromObject(object).String(), names.Grant, "G")
				got = append(got, kind+" "+key)
				if object.GetLabels()[v1alpha1.LabelGrant] != names.Grant {
					t.Errorf("%s has not the label by which it is found", key)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestGrantsEverything(t *testing.T) {
	all := []string{"*"}
	for name, tc := range map[string]struct {
		rule rbacv1.PolicyRule
		want bool
	}{
		"everything":       {rbacv1.PolicyRule{Verbs: all, APIGroups: all, Resources: all}, true},
		"among others":     {rbacv1.PolicyRule{Verbs: []string{"get", "*"}, APIGroups: []string{"", "*"}, Resources: []string{"x", "*"}}, true},
		"to read all":      {rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: all, Resources: all}, false},
		"one group":        {rbacv1.PolicyRule{Verbs: all, APIGroups: []string{"apps"}, Resources: all}, false},
		"one name":         {rbacv1.PolicyRule{Verbs: all, APIGroups: all, Resources: all, ResourceNames: []string{"x"}}, false},
		"no resource URLs": {rbacv1.PolicyRule{Verbs: all, NonResourceURLs: all}, false},
	} {
		if got := grant.GrantsEverything([]rbacv1.PolicyRule{{}, tc.rule}); got != tc.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

func TestRenewAt(t *testing.T) {
	issued := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	times := map[time.Time]bool{}
	for i := range 100 {
		of := granted(issued, issued.Add(24*time.Hour))
		of.UID = types.UID(fmt.Sprint("uid-", i))
		at := grant.RenewAt(of, issued, issued.Add(24*time.Hour))
		if early := issued.Add(8 * time.Hour).Sub(at); early < 0 || early > 48*time.Minute {
			t.Fatalf("it is renewed at %s", at)
		}
		if at != grant.RenewAt(of.DeepCopy(), issued, issued.Add(24*time.Hour)) {
			t.Fatal("a restart changes the time")
		}
		times[at] = true
	}
	if len(times) < 90 {
		t.Errorf("100 grants are renewed at %d different times", len(times))
	}
}

func granted(issued, expires time.Time) *v1alpha1.AccessGrant {
	return &v1alpha1.AccessGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: "fleet", Name: "c1.p", UID: "uid", Generation: 1},
		Spec: v1alpha1.AccessGrantSpec{
			ServiceAccount: v1alpha1.ServiceAccountAccess{TokenTTL: metav1.Duration{Duration: expires.Sub(issued)}},
		},
		Status: v1alpha1.AccessGrantStatus{
			ObservedGeneration:  1,
			IssuedAt:            metav1.NewTime(issued),
			ExpirationTimestamp: metav1.NewTime(expires),
			Secret:              &v1alpha1.GrantedSecret{Name: "c1.p.access", Key: "value", ResourceVersion: "7"},
		},
	}
}

func TestIsDue(t *testing.T) {
	issued := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	seen := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "7"}}
	other := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "8"}}
	for name, tc := range map[string]struct {
		change func(*v1alpha1.AccessGrant)
		secret *metav1.PartialObjectMetadata
		after  time.Duration
		want   bool
	}{
		"nothing":                 {secret: seen, after: time.Hour, want: false},
		"no Secret":               {after: time.Hour, want: true},
		"another Secret":          {secret: other, after: time.Hour, want: true},
		"a Secret without status": {change: func(of *v1alpha1.AccessGrant) { of.Status.Secret = nil }, secret: seen, want: true},
		"a third of its life":     {secret: seen, after: 8 * time.Hour, want: true},
		"issued in the future":    {secret: seen, after: -time.Second, want: true},
		"valid for too long": {
			change: func(of *v1alpha1.AccessGrant) { of.Spec.ServiceAccount.TokenTTL.Duration = 11 * time.Hour },
			secret: seen,
			want:   true,
		},
		"another generation": {change: func(of *v1alpha1.AccessGrant) { of.Generation = 2 }, secret: seen, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			of := granted(issued, issued.Add(24*time.Hour))
			if tc.change != nil {
				tc.change(of)
			}
			if got := grant.IsDue(of, tc.secret, issued.Add(tc.after)); got != tc.want {
				t.Errorf("got %t, want %t", got, tc.want)
			}
		})
	}
}

func TestSecret(t *testing.T) {
	issued := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	of := granted(issued, issued.Add(time.Hour))
	at := endpoint.Endpoint{Server: "https://10.0.0.1:6443", CertificateAuthorityData: []byte("CA")}
	token := grant.Token{Value: "a.b.c", Issued: issued, Expires: issued.Add(time.Hour)}
	secret, err := grant.NamesOf("hub", client.ObjectKeyFromObject(of)).Secret(of, at, token)
	if err != nil {
		t.Fatal(err)
	}
	if !grant.IsOwn(secret, of) {
		t.Error("the broker does not know its own Secret")
	}
	got, found := grant.TokenIn(secret, at)
	if diff := cmp.Diff(token, got); !found || diff != "" {
		t.Errorf("found %t, -want +got:\n%s", found, diff)
	}
	moved := at
	moved.Server = "https://10.0.0.2:6443"
	if _, found := grant.TokenIn(secret, moved); found {
		t.Error("a token for one endpoint is taken for another")
	}
	stranger := secret.DeepCopy()
	stranger.OwnerReferences[0].UID = "another"
	if grant.IsOwn(stranger, of) {
		t.Error("a Secret of another grant is taken for its own")
	}
	if parsed, err := endpoint.Parse(secret.Data["value"]); err == nil && parsed.Server != at.Server {
		t.Errorf("consumers dial %s", parsed.Server)
	}
}

func TestExpiresSoon(t *testing.T) {
	issued := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		life, at time.Duration
		want     bool
	}{
		"fresh":                           {life: 24 * time.Hour, at: 0, want: false},
		"to be renewed":                   {life: 24 * time.Hour, at: 9 * time.Hour, want: false},
		"more than an hour is left":       {life: 24 * time.Hour, at: 23*time.Hour - time.Second, want: false},
		"less than an hour is left":       {life: 24 * time.Hour, at: 23*time.Hour + time.Second, want: true},
		"short, and fresh":                {life: 12 * time.Minute, at: 0, want: false},
		"short, more than a sixth left":   {life: 12 * time.Minute, at: 10*time.Minute - time.Second, want: false},
		"short, less than a sixth left":   {life: 12 * time.Minute, at: 10*time.Minute + time.Second, want: true},
		"expired, and nobody says so yet": {life: 12 * time.Minute, at: time.Hour, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			of := &v1alpha1.AccessGrant{}
			of.Status.IssuedAt, of.Status.ExpirationTimestamp = metav1.NewTime(issued), metav1.NewTime(issued.Add(tc.life))
			if got := grant.ExpiresSoon(of, issued.Add(tc.at)); got != tc.want {
				t.Errorf("got %t, want %t", got, tc.want)
			}
		})
	}
}
