// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// annotationGrantedTo names, for people who look at a spoke, the AccessGrant for which an object was made.
const annotationGrantedTo = "capi-inventory.dev/granted-to"

// SharedNamespace returns the namespace that all grants of the hub share on a spoke. No pod needs to run in it.
func (n Names) SharedNamespace() *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: n.Namespace, Labels: map[string]string{
		v1alpha1.LabelHub:                    n.Hub,
		"pod-security.kubernetes.io/enforce": "restricted",
	}}}
}

// Account returns the ServiceAccount of the grant.
func (n Names) Account() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		ObjectMeta:                   n.meta(n.Namespace, n.ServiceAccount),
		AutomountServiceAccountToken: ptr.To(false),
	}
}

// Rights returns the role and the bindings that give the ServiceAccount what is asked for, and nothing else.
func (n Names) Rights(access v1alpha1.ServiceAccountAccess) []client.Object {
	roles := slices.Clone(access.ClusterRoles)
	var rights []client.Object
	if len(access.Rules) > 0 {
		rights = append(rights, &rbacv1.ClusterRole{ObjectMeta: n.meta("", n.role()), Rules: rulesOf(access.Rules)})
		roles = append(roles, n.role())
	}
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: n.Namespace, Name: n.ServiceAccount}}
	for _, role := range roles {
		ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}
		if len(access.Namespaces) == 0 {
			rights = append(rights, &rbacv1.ClusterRoleBinding{ObjectMeta: n.meta("", n.binding(role)), RoleRef: ref, Subjects: subjects})
			continue
		}
		for _, namespace := range access.Namespaces {
			rights = append(rights, &rbacv1.RoleBinding{ObjectMeta: n.meta(namespace, n.binding(role)), RoleRef: ref, Subjects: subjects})
		}
	}
	return rights
}

func (n Names) meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace:   namespace,
		Name:        name,
		Labels:      map[string]string{v1alpha1.LabelGrant: n.Grant},
		Annotations: map[string]string{annotationGrantedTo: n.ServiceAccount},
	}
}

func rulesOf(rules []v1alpha1.AccessRule) []rbacv1.PolicyRule {
	converted := make([]rbacv1.PolicyRule, 0, len(rules))
	for _, rule := range rules {
		converted = append(converted, rbacv1.PolicyRule{
			Verbs:           rule.Verbs,
			APIGroups:       rule.APIGroups,
			Resources:       rule.Resources,
			ResourceNames:   rule.ResourceNames,
			NonResourceURLs: rule.NonResourceURLs,
		})
	}
	return converted
}

// GrantsEverything reports whether one of the rules gives every right to every resource, as those of cluster-admin do.
func GrantsEverything(rules []rbacv1.PolicyRule) bool {
	return slices.ContainsFunc(rules, func(rule rbacv1.PolicyRule) bool {
		return slices.Contains(rule.Verbs, rbacv1.VerbAll) && slices.Contains(rule.APIGroups, rbacv1.APIGroupAll) &&
			slices.Contains(rule.Resources, rbacv1.ResourceAll) && len(rule.ResourceNames) == 0
	})
}
