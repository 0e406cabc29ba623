// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// Access is a ServiceAccount of the spoke that an Inventory asks for, or no longer asks for.
type Access struct {
	Provider string `json:"provider"`
	// Grant is the AccessGrant, with its namespace.
	Grant string `json:"grant"`
	// User is the name under which the spoke knows the ServiceAccount.
	User string `json:"user,omitempty"`
	// Roles are what it may do; empty if that is not known.
	Roles string `json:"roles,omitempty"`
	// Expires is when the token ends, in RFC 3339.
	Expires string `json:"expires,omitempty"`
	// Ready is the condition of the grant; empty if there is none.
	Ready string `json:"ready,omitempty"`
	// Awaited is what is missing, or why it is not known; empty if nothing is.
	Awaited string `json:"awaited,omitempty"`
}

// access returns the access that the Inventory of a profile asks for, that the profile refers to, and that is left of earlier ones.
func (f Facts) access(p *inventoryv1alpha1.ClusterProfile) []Access {
	var out []Access
	wanted := f.wantedAccess(p)
	for _, provider := range slices.Sorted(maps.Keys(wanted)) {
		key := types.NamespacedName{Namespace: p.Namespace, Name: profile.GrantName(p.Name, provider)}
		one := f.accessOf(key, provider, f.Grants[key])
		one.Roles = cmp.Or(Roles(wanted[provider]), one.Roles)
		switch {
		case f.Unread.Grants.Has(p.Namespace):
			one.Awaited = "not known: you may not read AccessGrants in the namespace " + p.Namespace
		case one.Awaited == "" && !refersTo(p, provider, profile.GrantedSecretName(key.Name)):
			one.Awaited = "it is granted, and the publisher has not published it yet"
		}
		out = append(out, one)
	}
	for _, grant := range f.grantsOf(p) {
		if _, known := wanted[grant.Spec.Provider]; !known {
			one := f.accessOf(types.NamespacedName{Namespace: grant.Namespace, Name: grant.Name}, grant.Spec.Provider, grant)
			if grant.DeletionTimestamp.IsZero() && !f.Unread.Inventories {
				one.Awaited = "no Inventory asks for it any more; the publisher deletes it"
			}
			out = append(out, one)
		}
	}
	return out
}

// wantedAccess returns what is asked for by the names of the access providers; nil for one that the profile refers to, and of which
// the Inventory is not known.
func (f Facts) wantedAccess(p *inventoryv1alpha1.ClusterProfile) map[string]*v1alpha1.ServiceAccountAccess {
	wanted := map[string]*v1alpha1.ServiceAccountAccess{}
	for _, provider := range p.Status.AccessProviders {
		if refersTo(p, provider.Name, grantedSecret(p.Name, provider.Name)) {
			wanted[provider.Name] = nil
		}
	}
	for i := range f.Inventories {
		if f.Inventories[i].Name != p.Labels[v1alpha1.LabelInventory] {
			continue
		}
		for _, provider := range f.Inventories[i].Spec.AccessProviders {
			if provider.ServiceAccount != nil {
				wanted[provider.Name] = provider.ServiceAccount
			}
		}
	}
	return wanted
}

// grantsOf returns the grants of a profile, by name.
func (f Facts) grantsOf(p *inventoryv1alpha1.ClusterProfile) []*v1alpha1.AccessGrant {
	var grants []*v1alpha1.AccessGrant
	for key, grant := range f.Grants {
		if key.Namespace == p.Namespace && grant.Spec.Profile == p.Name {
			grants = append(grants, grant)
		}
	}
	slices.SortFunc(grants, func(a, b *v1alpha1.AccessGrant) int { return cmp.Compare(a.Name, b.Name) })
	return grants
}

// accessOf describes a grant, which may be nil.
func (f Facts) accessOf(key types.NamespacedName, provider string, grant *v1alpha1.AccessGrant) Access {
	out := Access{Provider: provider, Grant: key.String(), Awaited: Awaited(grant, f.Now)}
	if grant == nil {
		return out
	}
	out.User, out.Roles, out.Expires = grant.Status.User, Roles(&grant.Spec.ServiceAccount), Expires(grant)
	if ready := meta.FindStatusCondition(grant.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		out.Ready = fmt.Sprintf("%s (%s)", ready.Status, ready.Reason)
	}
	return out
}

// Awaited returns what is missing before a grant can be published or renewed, in the words of the publisher; empty if nothing is.
func Awaited(grant *v1alpha1.AccessGrant, now time.Time) string {
	if grant == nil {
		return "the publisher has not created it yet"
	}
	fault, _ := profile.GrantFault(grant, grant.Spec.Endpoint, now)
	if fault == "" {
		return ""
	}
	if !grant.DeletionTimestamp.IsZero() {
		if degraded := meta.FindStatusCondition(grant.Status.Conditions, v1alpha1.ConditionDegraded); degraded != nil &&
			degraded.Status == metav1.ConditionTrue {
			fault += ", and not revoked yet: " + profile.Bound(degraded.Message)
		}
	}
	return "it " + fault
}

// Expires returns when the token of a grant ends, in RFC 3339; empty if there is none.
func Expires(grant *v1alpha1.AccessGrant) string {
	if grant.Status.ExpirationTimestamp.IsZero() {
		return ""
	}
	return grant.Status.ExpirationTimestamp.UTC().Format(time.RFC3339)
}

// Roles returns what a ServiceAccount may do in one line: its ClusterRoles, the number of its rules, and where.
func Roles(access *v1alpha1.ServiceAccountAccess) string {
	if access == nil {
		return ""
	}
	roles := strings.Join(access.ClusterRoles, ",")
	switch n := len(access.Rules); {
	case n == 1:
		roles += "+1 rule"
	case n > 1:
		roles += fmt.Sprintf("+%d rules", n)
	}
	roles = strings.TrimPrefix(roles, "+")
	if len(access.Namespaces) > 0 {
		roles += " in " + strings.Join(access.Namespaces, ",")
	}
	return roles
}

// grantedSecret returns the name of the Secret with the access of a provider of a profile.
func grantedSecret(profileName, provider string) string {
	return profile.GrantedSecretName(profile.GrantName(profileName, provider))
}

// refersTo reports whether an access provider of a profile refers to the Secret.
func refersTo(p *inventoryv1alpha1.ClusterProfile, provider, secret string) bool {
	return slices.ContainsFunc(p.Status.AccessProviders, func(a inventoryv1alpha1.AccessProvider) bool {
		_, name := secretOf(a.Cluster.Extensions)
		return a.Name == provider && name == secret
	})
}
