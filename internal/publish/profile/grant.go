// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	grantac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/inventory/v1alpha1"
	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/ssa"
)

const (
	// GrantedSecretKey is the key of the Secret of an AccessGrant that holds the kubeconfig.
	GrantedSecretKey = "value"
	// grantedSecretSuffix follows the name of an AccessGrant in the name of its Secret. It is not the one that consumers of Cluster
	// API's own Secrets look for.
	grantedSecretSuffix = ".access"
	// maxGrantName leaves room for the suffix.
	maxGrantName = validation.DNS1123SubdomainMaxLength - len(grantedSecretSuffix)
)

// BrokerTimeout is how long after its creation an AccessGrant that no broker has answered is reported.
const BrokerTimeout = time.Minute

// GrantName returns the name of the AccessGrant of an access provider of a profile. A profile's name has no dot, so that no two of
// a namespace have one name.
func GrantName(profile, provider string) string {
	name := profile + "." + provider
	if len(name) > maxGrantName || strings.Contains(provider, hashMark) || len(validation.IsDNS1123Subdomain(name)) > 0 {
		name = profile + "." + hashed("provider", provider, hashLength+len(hashMark)+len("provider"))
	}
	return name
}

// ProfileOfGrant returns the name of the profile that GrantName was given.
func ProfileOfGrant(grant string) string {
	profile, _, _ := strings.Cut(grant, ".")
	return profile
}

// GrantedSecretName returns the name of the Secret of an AccessGrant. It follows from the grant alone, so that nothing that a writer
// puts into a grant's status has a consumer read another Secret.
func GrantedSecretName(grant string) string { return grant + grantedSecretSuffix }

// grantSpecs returns what the Inventory asks for on the spoke of a Cluster, but for the endpoint.
func (inv *Inventory) grantSpecs(cluster *clusterv1.Cluster) []v1alpha1.AccessGrantSpec {
	specs := make([]v1alpha1.AccessGrantSpec, 0, len(inv.granted))
	for _, p := range inv.granted {
		spec := p.subject(cluster, inv.Key(cluster).Name)
		spec.Inventory, spec.ServiceAccount = inv.name, *p.ServiceAccount
		specs = append(specs, spec)
	}
	return specs
}

// subject returns what never changes of an AccessGrant: whose spoke it is for, which access provider of which profile, and who
// fulfils it.
func (p provider) subject(cluster *clusterv1.Cluster, profile string) v1alpha1.AccessGrantSpec {
	return v1alpha1.AccessGrantSpec{
		PublisherClass: p.publisherClass,
		Provider:       p.Name,
		Profile:        profile,
		Cluster:        v1alpha1.GrantedCluster{Namespace: cluster.Namespace, Name: cluster.Name, UID: string(cluster.UID)},
	}
}

// hasSubject reports whether a live AccessGrant is for the same spoke and access provider as the wanted one.
func hasSubject(live *v1alpha1.AccessGrant, wanted v1alpha1.AccessGrantSpec) bool {
	return live.Spec.PublisherClass == wanted.PublisherClass && live.Spec.Cluster == wanted.Cluster &&
		live.Spec.Profile == wanted.Profile && live.Spec.Provider == wanted.Provider
}

// AskFor reports whether an Inventory that publishes the Cluster asks for just what an AccessGrant says. The endpoint does not
// count: it is no right.
func (c Claims) AskFor(grant *v1alpha1.AccessGrant, cluster *clusterv1.Cluster) bool {
	said := grant.Spec
	said.Endpoint = ""
	for _, claim := range c.Granted {
		if claim.Profile.Namespace != grant.Namespace {
			continue
		}
		for _, wanted := range claim.Inventory.grantSpecs(cluster) {
			if GrantName(wanted.Profile, wanted.Provider) == grant.Name && equality.Semantic.DeepEqual(wanted, said) {
				return true
			}
		}
	}
	return false
}

// Grants decides the AccessGrants of a Cluster's profile: those to apply, and those to delete. A grant without an endpoint could not be
// fulfilled, so it is not made before there is one, and keeps the one that it has.
func (inv *Inventory) Grants(f Facts) (
	wanted []*grantac.AccessGrantApplyConfiguration, unwanted []*v1alpha1.AccessGrant, err error,
) {
	key := inv.Key(f.Cluster)
	names := map[string]bool{}
	for _, spec := range inv.grantSpecs(f.Cluster) {
		name := GrantName(spec.Profile, spec.Provider)
		names[name] = true
		live := f.Grant(name)
		if known, rejected := f.endpoint(f.Cluster, spec.Provider, DefaultSecret(f.Cluster.Name)); rejected == nil {
			spec.Endpoint = known.Digest()
		} else if live != nil {
			spec.Endpoint = live.Spec.Endpoint
		}
		switch {
		case live != nil && !hasSubject(live, spec):
			// Of an earlier Cluster of the same name, or of another writer: its successor is made when it is gone.
			names[name] = false
			continue
		case spec.Endpoint == "", live != nil && !live.DeletionTimestamp.IsZero():
			continue
		}
		grant, err := grantConfiguration(types.NamespacedName{Namespace: key.Namespace, Name: name}, spec)
		if err != nil {
			return nil, nil, err
		}
		wanted = append(wanted, grant)
	}
	for _, live := range f.Grants {
		state, err := ssa.Of(live, FieldManager)
		if err != nil {
			return nil, nil, err
		}
		if !names[live.Name] && state.Applied() && live.DeletionTimestamp.IsZero() {
			unwanted = append(unwanted, live)
		}
	}
	return wanted, unwanted, nil
}

func grantConfiguration(key types.NamespacedName, spec v1alpha1.AccessGrantSpec) (*grantac.AccessGrantApplyConfiguration, error) {
	raw, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encoding AccessGrant %s: %w", key, err)
	}
	configuration := grantac.AccessGrantSpec()
	if err := json.Unmarshal(raw, configuration); err != nil {
		return nil, fmt.Errorf("encoding AccessGrant %s: %w", key, err)
	}
	return grantac.AccessGrant(key.Name, key.Namespace).WithSpec(configuration).WithLabels(map[string]string{
		v1alpha1.LabelInventory:        spec.Inventory,
		v1alpha1.LabelClusterNamespace: spec.Cluster.Namespace,
		v1alpha1.LabelClusterName:      spec.Cluster.Name,
	}), nil
}

// Grant returns the live AccessGrant of a name; nil if there is none.
func (f Facts) Grant(name string) *v1alpha1.AccessGrant {
	i := slices.IndexFunc(f.Grants, func(g *v1alpha1.AccessGrant) bool { return g.Name == name })
	if i < 0 {
		return nil
	}
	return f.Grants[i]
}

// grantFault returns what GrantFault does of the grant of a name, and whether it is for something else.
func (f Facts) grantFault(name string, wanted v1alpha1.AccessGrantSpec, at endpoint.Endpoint) (fault string, usable bool) {
	grant := f.Grant(name)
	if grant != nil && grant.DeletionTimestamp.IsZero() && !hasSubject(grant, wanted) {
		if state, err := ssa.Of(grant, FieldManager); err == nil && state.Applied() {
			return "is for an earlier Cluster of this name, and is replaced when it is gone", false
		}
		return "is another writer's and for something else, and is left untouched; delete it", false
	}
	return GrantFault(grant, at.Digest(), f.Now)
}

// GrantFault returns why the access of a grant, nil for none, must not be published yet at the endpoint with the digest, or, with
// usable, why it may soon end; empty if all is well.
func GrantFault(grant *v1alpha1.AccessGrant, digest string, now time.Time) (fault string, usable bool) {
	switch {
	case grant != nil && !grant.DeletionTimestamp.IsZero():
		return "is being deleted", false
	case grant == nil || len(grant.Status.Conditions) == 0:
		return "waits for a broker, which must run on this hub and watch this namespace", false
	}
	ready := meta.FindStatusCondition(grant.Status.Conditions, v1alpha1.ConditionReady)
	degraded := meta.FindStatusCondition(grant.Status.Conditions, v1alpha1.ConditionDegraded)
	why := ""
	if degraded != nil && degraded.Status == metav1.ConditionTrue {
		why = degraded.Message
	}
	switch expires := grant.Status.ExpirationTimestamp; {
	case ready == nil || ready.Status != metav1.ConditionTrue:
		if why == "" && ready != nil {
			why = ready.Message
		}
		return because("is not ready", why), false
	case !expires.IsZero() && !now.Before(expires.Time):
		return because("has expired, and no broker has renewed it", why), false
	case grant.Status.Endpoint != digest:
		return because("waits for its proof at the Cluster's present endpoint", why), false
	case why != "":
		return because("cannot be renewed", why), true
	}
	return "", true
}

// because joins what is so and why, which is a sentence of the broker's, or empty.
func because(what, why string) string {
	if why = strings.TrimSuffix(strings.TrimSpace(why), "."); why == "" {
		return what
	}
	return what + ": " + why
}

// grantPending reports whether nothing is wrong with a grant but that it is too young to be fulfilled.
func (f Facts) grantPending(name string) bool {
	grant := f.Grant(name)
	return grant == nil || len(grant.Status.Conditions) == 0 && f.Now.Sub(grant.CreationTimestamp.Time) < BrokerTimeout
}

// GrantsChangeAfter returns after how long time alone changes what is reported of AccessGrants: a broker has not answered, or an
// access has expired; zero for never.
func GrantsChangeAfter(grants []*v1alpha1.AccessGrant, now time.Time) time.Duration {
	var next time.Duration
	for _, grant := range grants {
		at := grant.Status.ExpirationTimestamp.Time
		if len(grant.Status.Conditions) == 0 {
			at = grant.CreationTimestamp.Add(BrokerTimeout)
		}
		if left := at.Sub(now); left > 0 && (next == 0 || left < next) {
			next = left
		}
	}
	return next
}
