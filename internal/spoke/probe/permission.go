// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Permission is what a consumer must be allowed to do on every spoke: a verb on a resource of a group, in all namespaces.
type Permission struct {
	Verb, Group, Resource, Subresource string
}

// ParsePermission reads verb/resource, where the resource may carry its group and a subresource after it, for example
// list/pods, create/deployments.apps or get/pods/log.
func ParsePermission(text string) (Permission, error) {
	verb, what, _ := strings.Cut(text, "/")
	resource, subresource, _ := strings.Cut(what, "/")
	resource, group, _ := strings.Cut(resource, ".")
	if verb == "" || resource == "" || strings.ContainsAny(text, " \t") {
		return Permission{}, fmt.Errorf("%q is not verb/resource, as in list/pods or create/deployments.apps", text)
	}
	return Permission{Verb: verb, Group: group, Resource: resource, Subresource: subresource}, nil
}

// String returns the permission as it is written in a sentence: "list pods".
func (p Permission) String() string {
	what := p.Resource
	if p.Group != "" {
		what += "." + p.Group
	}
	if p.Subresource != "" {
		what += "/" + p.Subresource
	}
	return p.Verb + " " + what
}

func (p Permission) review() *authorizationv1.SelfSubjectAccessReview {
	return &authorizationv1.SelfSubjectAccessReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "authorization.k8s.io/v1", Kind: "SelfSubjectAccessReview"},
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: p.Verb, Group: p.Group, Resource: p.Resource, Subresource: p.Subresource,
		}},
	}
}
