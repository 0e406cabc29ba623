// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// wantedGrant is what an Inventory asks for on the spoke of a Cluster.
type wantedGrant struct {
	cluster types.NamespacedName
	access  v1alpha1.ServiceAccountAccess
}

// audit returns what is wrong with the scoped access of a fleet, a sentence each.
func (f *fleet) audit(t *testing.T) []string {
	t.Helper()
	f.collect(t)
	seen, err := f.read(t.Context())
	must(t, err)
	grants, wanted := f.grants(t), f.wanted(t, seen)
	var faults []string
	for key := range wanted {
		switch of := grants[key]; {
		case of == nil:
			faults = append(faults, fmt.Sprintf("%s: there is no grant", key))
		case of.Status.ObservedGeneration != of.Generation || !meta.IsStatusConditionTrue(of.Status.Conditions, v1alpha1.ConditionReady):
			faults = append(faults, fmt.Sprintf("%s: is not Ready: %+v", key, of.Status.Conditions))
		}
	}
	for key := range grants {
		if _, isWanted := wanted[key]; !isWanted {
			faults = append(faults, fmt.Sprintf("%s: no Inventory asks for this grant", key))
		}
	}
	faults = append(faults, seen.auditSecrets(grants)...)
	faults = append(faults, f.auditLeft(t, wanted)...)
	faults = append(faults, f.auditRights(t, wanted)...)
	if len(faults) > 0 {
		return faults
	}
	for key, of := range wanted {
		faults = append(faults, f.auditToken(t.Context(), seen, key, of)...)
	}
	return faults
}

func (f *fleet) grants(t *testing.T) map[types.NamespacedName]*v1alpha1.AccessGrant {
	t.Helper()
	grants := map[types.NamespacedName]*v1alpha1.AccessGrant{}
	for _, object := range f.grantsAndChecks(t) {
		if of, isGrant := object.(*v1alpha1.AccessGrant); isGrant {
			grants[client.ObjectKeyFromObject(of)] = of
		}
	}
	return grants
}

// wanted returns what the Inventories ask for now.
func (f *fleet) wanted(t *testing.T, seen *hubState) map[types.NamespacedName]wantedGrant {
	t.Helper()
	inventories, wanted := f.inventories(t), map[types.NamespacedName]wantedGrant{}
	for i := range seen.clusters {
		cluster := &seen.clusters[i]
		for _, claim := range seen.decide(cluster).claims.Granted {
			for _, provider := range inventories[strings.TrimPrefix(claim.Inventory.Name(), f.name+"-")].Spec.AccessProviders {
				if provider.ServiceAccount != nil {
					wanted[grantOf(claim.Profile)] = wantedGrant{client.ObjectKeyFromObject(cluster), *provider.ServiceAccount}
				}
			}
		}
	}
	return wanted
}

// auditSecrets reports the Secrets of grants that are gone.
func (h *hubState) auditSecrets(grants map[types.NamespacedName]*v1alpha1.AccessGrant) []string {
	var faults []string
	for key, secret := range h.secrets {
		if secret.Labels[v1alpha1.LabelGrant] == "" {
			continue
		}
		of := grants[types.NamespacedName{Namespace: key.Namespace, Name: strings.TrimSuffix(key.Name, profile.GrantedSecretName(""))}]
		if of == nil || !metav1.IsControlledBy(secret, of) {
			faults = append(faults, fmt.Sprintf("the Secret %s is of a grant that is gone", key))
		}
	}
	return faults
}

// auditLeft reports what is on spokes for grants that are gone.
func (f *fleet) auditLeft(t *testing.T, wanted map[types.NamespacedName]wantedGrant) []string {
	t.Helper()
	live := map[string]bool{}
	for key := range wanted {
		live[f.names(key).Grant] = true
	}
	var faults []string
	for kind, list := range map[string]client.ObjectList{
		"ServiceAccount": &corev1.ServiceAccountList{}, "ClusterRole": &rbacv1.ClusterRoleList{},
		"ClusterRoleBinding": &rbacv1.ClusterRoleBindingList{}, "RoleBinding": &rbacv1.RoleBindingList{},
	} {
		must(t, hub.List(t.Context(), list, client.HasLabels{v1alpha1.LabelGrant}))
		must(t, meta.EachListItem(list, func(item runtime.Object) error {
			object, _ := item.(client.Object)
			// Other stages have brokers too.
			namespace, _, _ := strings.Cut(object.GetAnnotations()["capi-inventory.dev/granted-to"], ".")
			if slices.Contains(f.namespaces(), namespace) && !live[object.GetLabels()[v1alpha1.LabelGrant]] {
				faults = append(faults, fmt.Sprintf("the %s %s is on the spoke of a grant that is gone", kind, object.GetName()))
			}
			return nil
		}))
	}
	return faults
}

// auditRights compares the rights of all ServiceAccounts with what is asked for.
func (f *fleet) auditRights(t *testing.T, wanted map[types.NamespacedName]wantedGrant) []string {
	t.Helper()
	asked := map[string][]string{}
	for key, of := range wanted {
		names := f.names(key)
		asked[names.ServiceAccount] = rightsOf(of.access)
	}
	if diff := cmp.Diff(asked, f.rights(t)); diff != "" {
		return []string{"rights of ServiceAccounts, -wanted +found:\n" + diff}
	}
	return nil
}

func rightsOf(access v1alpha1.ServiceAccountAccess) []string {
	roles := slices.Clone(access.ClusterRoles)
	if len(access.Rules) > 0 {
		roles = append(roles, fmt.Sprint(access.Rules))
	}
	namespaces := access.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	rights := map[string]bool{}
	for _, namespace := range namespaces {
		for _, role := range roles {
			rights[namespace+" "+role] = true
		}
	}
	return slices.Sorted(maps.Keys(rights))
}

// rights reads what the ServiceAccounts of the broker may do on the spoke: the namespace, empty for all, and the role, or the rules of one
// that was made for a grant.
func (f *fleet) rights(t *testing.T) map[string][]string {
	t.Helper()
	var everywhere rbacv1.ClusterRoleBindingList
	var somewhere rbacv1.RoleBindingList
	must(t, hub.List(t.Context(), &everywhere))
	must(t, hub.List(t.Context(), &somewhere))
	for i := range everywhere.Items {
		binding := &everywhere.Items[i]
		somewhere.Items = append(somewhere.Items, rbacv1.RoleBinding{RoleRef: binding.RoleRef, Subjects: binding.Subjects})
	}
	found := map[string][]string{}
	for i := range somewhere.Items {
		binding := &somewhere.Items[i]
		for _, subject := range binding.Subjects {
			if subject.Kind == rbacv1.ServiceAccountKind && subject.Namespace == f.names(types.NamespacedName{}).Namespace {
				found[subject.Name] = append(found[subject.Name], binding.Namespace+" "+meaning(t, binding.RoleRef))
			}
		}
	}
	for name := range found {
		slices.Sort(found[name])
	}
	return found
}

// meaning is the name of a role of the spoke, or the rules of one of the broker's.
func meaning(t *testing.T, ref rbacv1.RoleRef) string {
	t.Helper()
	role := &rbacv1.ClusterRole{}
	if err := hub.Get(t.Context(), client.ObjectKey{Name: ref.Name}, role); err != nil || role.Labels[v1alpha1.LabelGrant] == "" {
		return ref.Name
	}
	rules := make([]v1alpha1.AccessRule, 0, len(role.Rules))
	for _, rule := range role.Rules {
		rules = append(rules, v1alpha1.AccessRule{
			Verbs: rule.Verbs, APIGroups: rule.APIGroups, Resources: rule.Resources,
			ResourceNames: rule.ResourceNames, NonResourceURLs: rule.NonResourceURLs,
		})
	}
	return fmt.Sprint(rules)
}

// auditToken uses the Secret of a grant as a consumer does: it leads to the present server of the Cluster, where its token is that of the
// ServiceAccount.
func (f *fleet) auditToken(ctx context.Context, seen *hubState, key types.NamespacedName, of wantedGrant) []string {
	granted, err := seen.granted(key)
	if err != nil {
		return []string{err.Error()}
	}
	present, err := seen.kubeconfigIn(types.NamespacedName{Namespace: of.cluster.Namespace, Name: of.cluster.Name + "-kubeconfig"})
	if err != nil {
		return []string{err.Error()}
	}
	if granted.Host != present.Host {
		return []string{fmt.Sprintf("%s: its Secret leads to %s instead of %s", key, granted.Host, present.Host)}
	}
	spoke, err := client.New(granted, client.Options{Scheme: hub.Scheme(), Mapper: hub.RESTMapper()})
	if err != nil {
		return []string{err.Error()}
	}
	review := &authenticationv1.SelfSubjectReview{}
	if err := spoke.Create(ctx, review); err != nil {
		return []string{fmt.Sprintf("%s: its token is not accepted: %v", key, err)}
	}
	if user := review.Status.UserInfo.Username; user != f.names(key).User() {
		return []string{fmt.Sprintf("%s: its token is that of %s", key, user)}
	}
	return nil
}

// granted returns the connection of a grant's holder.
func (h *hubState) granted(key types.NamespacedName) (*rest.Config, error) {
	return h.kubeconfigIn(types.NamespacedName{Namespace: key.Namespace, Name: profile.GrantedSecretName(key.Name)})
}

// kubeconfigIn returns the connection that the kubeconfig in a Secret describes.
func (h *hubState) kubeconfigIn(key types.NamespacedName) (*rest.Config, error) {
	secret := h.secrets[key]
	if secret == nil {
		return nil, fmt.Errorf("there is no Secret %s", key)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(secret.Data[profile.GrantedSecretKey])
	if err != nil {
		return nil, fmt.Errorf("the kubeconfig of %s: %w", key, err)
	}
	return config, nil
}
