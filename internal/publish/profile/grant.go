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
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

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
	if len(name) > maxGrantName || len(validation.IsDNS1123Subdomain(name)) > 0 {
		name = profile + "." + hashed("provider", provider, hashLength+len(hashMark)+len("provider"))
	}
	return name
}

// GrantedSecretName returns the name of the Secret of an AccessGrant. It follows from the grant alone, so that nothing that a writer
// puts into a grant's status has a consumer read another Secret.
func GrantedSecretName(grant string) string { return grant + grantedSecretSuffix }

// grantSpecs returns what the Inventory asks for on the spoke of a Cluster, but for the endpoint.
func (inv *Inventory) grantSpecs(cluster *clusterv1.Cluster) []v1alpha1.AccessGrantSpec {
	var specs []v1alpha1.AccessGrantSpec
	for _, p := range inv.providers {
		if p.serviceAccount == nil {
			continue
		}
		specs = append(specs, v1alpha1.AccessGrantSpec{
			Inventory:      inv.name,
			Provider:       p.name,
			Profile:        inv.Key(cluster).Name,
			Cluster:        v1alpha1.GrantedCluster{Namespace: cluster.Namespace, Name: cluster.Name, UID: string(cluster.UID)},
			ServiceAccount: *p.serviceAccount,
		})
	}
	return specs
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

// Grants decides the AccessGrants of a Cluster's profile, whose UID is given: those to apply, and those to delete. A grant without
// an endpoint could not be fulfilled, so it is not made before there is one, and keeps the one that it has.
func (inv *Inventory) Grants(f Facts, profile types.UID) (
	wanted []*grantac.AccessGrantApplyConfiguration, unwanted []*v1alpha1.AccessGrant, err error,
) {
	key := inv.Key(f.Cluster)
	names := map[string]bool{}
	for _, spec := range inv.grantSpecs(f.Cluster) {
		name := GrantName(spec.Profile, spec.Provider)
		names[name] = true
		live := f.grant(name)
		if known, rejected := f.endpoint(f.Cluster, spec.Provider, defaultSecret(f.Cluster)); rejected == nil {
			spec.Endpoint = known.Digest()
		} else if live != nil {
			spec.Endpoint = live.Spec.Endpoint
		}
		switch {
		case live != nil && live.Spec.Cluster != spec.Cluster:
			// Of an earlier Cluster of the same name: its successor is made when it is gone.
			names[name] = false
			continue
		case spec.Endpoint == "", live != nil && !live.DeletionTimestamp.IsZero():
			continue
		}
		grant, err := grantConfiguration(types.NamespacedName{Namespace: key.Namespace, Name: name}, spec)
		if err != nil {
			return nil, nil, err
		}
		wanted = append(wanted, grant.WithOwnerReferences(metav1ac.OwnerReference().
			WithAPIVersion(inventoryv1alpha1.GroupVersion.String()).WithKind("ClusterProfile").WithName(key.Name).WithUID(profile)))
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

// grant returns the live AccessGrant of a name; nil if there is none.
func (f Facts) grant(name string) *v1alpha1.AccessGrant {
	i := slices.IndexFunc(f.Grants, func(g *v1alpha1.AccessGrant) bool { return g.Name == name })
	if i < 0 {
		return nil
	}
	return f.Grants[i]
}

// grantFault returns why the access of a grant must not be published yet, or, with usable, why it may soon end; empty if all is well.
func (f Facts) grantFault(key types.NamespacedName, at endpoint.Endpoint) (fault string, usable bool) {
	return GrantFault(f.grant(key.Name), at.Digest())
}

// GrantFault returns why the access of a grant must not be published yet at the endpoint with the digest, or, with usable, why it may
// soon end; empty if all is well.
func GrantFault(grant *v1alpha1.AccessGrant, endpoint string) (fault string, usable bool) {
	switch {
	case grant == nil:
		return "is being created", false
	case !grant.DeletionTimestamp.IsZero():
		return "is being deleted", false
	case len(grant.Status.Conditions) == 0:
		return "waits for a broker, which must run on this hub and watch this namespace", false
	}
	ready := meta.FindStatusCondition(grant.Status.Conditions, v1alpha1.ConditionReady)
	degraded := meta.FindStatusCondition(grant.Status.Conditions, v1alpha1.ConditionDegraded)
	why := ""
	if degraded != nil && degraded.Status == "True" {
		why = degraded.Message
	}
	switch {
	case ready == nil || ready.Status != "True":
		if why == "" && ready != nil {
			why = ready.Message
		}
		return "is not ready: " + Bound(why), false
	case grant.Status.Endpoint != endpoint:
		return strings.TrimSuffix("waits for its proof at the Cluster's present endpoint: "+Bound(why), ": "), false
	case why != "":
		return "cannot be renewed: " + Bound(why), true
	}
	return "", true
}

// grantPending reports whether nothing is wrong with a grant but that it is too young to be fulfilled.
func (f Facts) grantPending(name string) bool {
	grant := f.grant(name)
	return grant == nil || len(grant.Status.Conditions) == 0 && f.Now.Sub(grant.CreationTimestamp.Time) < BrokerTimeout
}
