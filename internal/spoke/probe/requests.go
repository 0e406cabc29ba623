// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/printable"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

const (
	// maxVersion and maxUser bound what is taken from a spoke into a status, in bytes.
	maxVersion = 64
	maxUser    = 256
	// maxID is the length in bytes of the longest cluster ID: that of a DNS name.
	maxID = 253
	// anonymous is our user name on a spoke that ignores our credentials.
	anonymous = "system:anonymous"
)

// ready requests /readyz. A spoke that forbids it or does not have it may be ready anyway; /version shows that.
func (c *conn) ready(ctx context.Context) error {
	answer, err := c.get(ctx, StepReady, "/readyz")
	if err != nil {
		return err
	}
	switch answer.code {
	case http.StatusOK, http.StatusForbidden, http.StatusNotFound:
		return nil
	}
	if checks := failing(answer.body); checks != "" {
		return failure.New(v1alpha1.ReasonNotReady, "The API server is not ready: %s", checks)
	}
	return failure.New(v1alpha1.ReasonNotReady, "The server answered %d to /readyz; is it a Kubernetes API server?", answer.code)
}

// failing lists the checks that /readyz marks as failed, in the server's order.
func failing(body []byte) string {
	var checks []string
	for line := range strings.Lines(string(body)) {
		if name, failed := strings.CutPrefix(line, "[-]"); failed {
			name, _, _ = strings.Cut(name, " ")
			checks = append(checks, strings.TrimSpace(name))
		}
	}
	return strings.Join(checks, ", ")
}

// version returns the version of Kubernetes on the spoke; empty if the spoke forbids the request.
func (c *conn) version(ctx context.Context) (string, error) {
	answer, err := c.get(ctx, StepVersion, "/version")
	if err != nil {
		return "", err
	}
	var info version.Info
	switch {
	case answer.code == http.StatusForbidden:
		return "", nil
	case answer.code != http.StatusOK:
		return "", failure.New(v1alpha1.ReasonNotReady, "The server answered %d to /version; is it a Kubernetes API server?", answer.code)
	case json.Unmarshal(answer.body, &info) != nil || info.GitVersion == "":
		return "", failure.New(v1alpha1.ReasonNotReady, "The server's answer to /version names no version; is it a Kubernetes API server?")
	}
	return printable.Line(info.GitVersion, maxVersion), nil
}

// whoAmI returns our user name on the spoke; empty for a spoke without that API (before v1.28).
func (c *conn) whoAmI(ctx context.Context) (string, error) {
	review := &authenticationv1.SelfSubjectReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "SelfSubjectReview"},
	}
	answer, err := c.post(ctx, StepWhoAmI, "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
	if err != nil {
		return "", err
	}
	known := created(answer, review)
	switch {
	case anonymousDenied(answer) || review.Status.UserInfo.Username == anonymous:
		return "", failure.New(v1alpha1.ReasonUnauthorized, "The spoke sees an anonymous request: it, or a proxy before it, "+
			"ignores the credentials")
	case answer.code == http.StatusNotFound || answer.code == http.StatusForbidden:
		return "", nil
	case !known:
		return "", failure.New(v1alpha1.ReasonNotReady, "The server answered %d to a SelfSubjectReview", answer.code)
	case review.Status.UserInfo.Username == "":
		return "", failure.New(v1alpha1.ReasonUnauthorized, "The spoke answers a SelfSubjectReview without a user name; is "+
			"it a Kubernetes API server?")
	}
	return printable.Line(review.Status.UserInfo.Username, maxUser), nil
}

// anonymousDenied reports whether the request itself was forbidden to an anonymous user: by default, all other users may send it.
func anonymousDenied(answer response) bool {
	var status metav1.Status
	return answer.code == http.StatusForbidden && json.Unmarshal(answer.body, &status) == nil && strings.Contains(status.Message, anonymous)
}

// canI checks that we have each permission.
func (c *conn) canI(ctx context.Context, user string, permissions []Permission) error {
	var denied []string
	for _, permission := range permissions {
		review := permission.review()
		answer, err := c.post(ctx, StepPermissions, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
		if err != nil {
			return err
		}
		if answer.code != http.StatusForbidden && !created(answer, review) {
			return failure.New(v1alpha1.ReasonNotReady, "The server answered %d to a SelfSubjectAccessReview", answer.code)
		}
		if answer.code == http.StatusForbidden || !review.Status.Allowed {
			denied = append(denied, permission.String())
		}
	}
	if len(denied) == 0 {
		return nil
	}
	if user == "" {
		user = "of the credentials"
	}
	return failure.New(v1alpha1.ReasonForbidden, "The user %s may not %s", user, strings.Join(denied, ", "))
}

// uid matches the UID of an object. A cluster manager may identify its members by another kind of ID (KEP-2149), which cannot be
// compared.
var uid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// propertyID is where a cluster itself stores its ID in its cluster set (KEP-2149), by the versions of the about API.
var propertyID = []string{
	"/apis/about.k8s.io/v1beta1/clusterproperties/" + v1alpha1.PropertyClusterID,
	"/apis/about.k8s.io/v1alpha1/clusterproperties/" + v1alpha1.PropertyClusterID,
}

// identify checks that the spoke is the cluster that the profile identifies, as far as we may read that.
//
//	the UID of kube-system | the ClusterProperty of the spoke | the spoke is
//	-----------------------|----------------------------------|------------------------------------------------------------
//	not readable, or equal | not requested                    | assumed to be the right one
//	another one            | equal                            | the right one
//	another one            | another one                      | the wrong one
//	another one            | missing, or not readable         | in doubt: the manager may not mean the UID of kube-system
func (c *conn) identify(ctx context.Context, id string, seen *Result) error {
	if !uid.MatchString(id) {
		return nil
	}
	answer, err := c.get(ctx, StepIdentity, "/api/v1/namespaces/kube-system")
	if err != nil {
		return err
	}
	var namespace metav1.PartialObjectMetadata
	readable := answer.code == http.StatusOK && json.Unmarshal(answer.body, &namespace) == nil && uid.MatchString(string(namespace.UID))
	if !readable {
		return nil
	}
	if seen.ClusterID = string(namespace.UID); seen.ClusterID == id {
		return nil
	}
	own, err := c.ownID(ctx)
	switch {
	case err != nil:
		return err
	case own == id:
		return nil
	case own != "":
		return failure.New(v1alpha1.ReasonWrongCluster, "The server belongs to the cluster %s, and the profile identifies %s", own, id)
	}
	seen.Doubt = failure.New(v1alpha1.ReasonWrongCluster, "The server belongs to the cluster %s, and "+
		"the profile identifies %s", seen.ClusterID, id)
	return nil
}

// ownID returns the ID that the spoke itself stores; empty if there is none.
func (c *conn) ownID(ctx context.Context) (string, error) {
	for _, path := range propertyID {
		answer, err := c.get(ctx, StepIdentity, path)
		if err != nil {
			return "", err
		}
		var property struct {
			Spec struct {
				Value string `json:"value"`
			} `json:"spec"`
		}
		if answer.code == http.StatusOK && json.Unmarshal(answer.body, &property) == nil && property.Spec.Value != "" {
			return printable.Line(property.Spec.Value, maxID), nil
		}
	}
	return "", nil
}

// created reports whether a review was returned with its status.
func created[T authenticationv1.SelfSubjectReview | authorizationv1.SelfSubjectAccessReview](answer response, review *T) bool {
	return (answer.code == http.StatusCreated || answer.code == http.StatusOK) && json.Unmarshal(answer.body, review) == nil
}
