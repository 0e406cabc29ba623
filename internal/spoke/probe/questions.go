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
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

const (
	// maxVersion and maxUser bound what is taken from a spoke into a status, in bytes.
	maxVersion = 64
	maxUser    = 256
	// maxID is the length in bytes of the longest cluster ID: that of a DNS name.
	maxID = 253
	// anonymous is who we are to a spoke that has not seen our credentials.
	anonymous = "system:anonymous"
)

// ready asks /readyz. A spoke that forbids the question or does not know it may be ready all the same; /version tells.
func (l *conn) ready(ctx context.Context) error {
	answer, err := l.get(ctx, stepReady, "/readyz")
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

// version asks which Kubernetes the spoke runs; empty where it does not let us know.
func (l *conn) version(ctx context.Context) (string, error) {
	answer, err := l.get(ctx, stepVersion, "/version")
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
	return failure.Printable(info.GitVersion, maxVersion), nil
}

// whoAmI asks for the name under which the spoke knows us; empty for a spoke that is too old to say (before v1.28).
func (l *conn) whoAmI(ctx context.Context) (string, error) {
	review := &authenticationv1.SelfSubjectReview{TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "SelfSubjectReview"}}
	answer, err := l.post(ctx, stepWhoAmI, "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
	if err != nil {
		return "", err
	}
	known := created(answer, review)
	switch {
	case unnamed(answer) || review.Status.UserInfo.Username == anonymous:
		return "", failure.New(v1alpha1.ReasonUnauthorized, "The spoke sees an anonymous request: it, or a proxy before it, does not take the credentials in")
	case answer.code == http.StatusNotFound || answer.code == http.StatusForbidden:
		return "", nil
	case !known:
		return "", failure.New(v1alpha1.ReasonNotReady, "The server answered %d when asked who we are", answer.code)
	case review.Status.UserInfo.Username == "":
		return "", failure.New(v1alpha1.ReasonUnauthorized, "The spoke answers the question who we are without a name; is it a Kubernetes API server?")
	}
	return failure.Printable(review.Status.UserInfo.Username, maxUser), nil
}

// unnamed says whether the question itself was forbidden to an anonymous user: by default, everybody else may ask it.
func unnamed(answer answer) bool {
	var status metav1.Status
	return answer.code == http.StatusForbidden && json.Unmarshal(answer.body, &status) == nil && strings.Contains(status.Message, anonymous)
}

// may asks for each permission whether we have it.
func (l *conn) canI(ctx context.Context, user string, permissions []Permission) error {
	var denied []string
	for _, permission := range permissions {
		review := permission.review()
		answer, err := l.post(ctx, stepPermissions, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
		if err != nil {
			return err
		}
		if answer.code != http.StatusForbidden && !created(answer, review) {
			return failure.New(v1alpha1.ReasonNotReady, "The server answered %d when asked for our permissions", answer.code)
		}
		if answer.code == http.StatusForbidden || !review.Status.Allowed {
			denied = append(denied, permission.String())
		}
	}
	if len(denied) == 0 {
		return nil
	}
	if user == "" {
		user = "we are to the spoke"
	}
	return failure.New(v1alpha1.ReasonForbidden, "The user %s may not %s", user, strings.Join(denied, ", "))
}

// uid is the form of the UID of an object. A cluster manager may identify its members by something else (KEP-2149), with
// which there is nothing to compare.
var uid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// propertyID is where a cluster says itself how its cluster set identifies it (KEP-2149), in the versions of the about API.
var propertyID = []string{
	"/apis/about.k8s.io/v1beta1/clusterproperties/" + v1alpha1.PropertyClusterID,
	"/apis/about.k8s.io/v1alpha1/clusterproperties/" + v1alpha1.PropertyClusterID,
}

// identify asks whether the spoke is the cluster that the profile identifies, as far as we may see.
//
//	the UID of kube-system | the ClusterProperty of the spoke | the spoke is
//	-----------------------|----------------------------------|------------------------------------------------------------
//	not readable, or equal | not asked for                    | taken for the right one
//	another one            | equal                            | the right one
//	another one            | another one                      | the wrong one
//	another one            | not there, or not readable       | in doubt: the manager may not mean the UID of kube-system
func (l *conn) identify(ctx context.Context, id string, seen *Result) error {
	if !uid.MatchString(id) {
		return nil
	}
	answer, err := l.get(ctx, stepIdentity, "/api/v1/namespaces/kube-system")
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
	own, err := l.ownID(ctx)
	switch {
	case err != nil:
		return err
	case own == id:
		return nil
	case own != "":
		return failure.New(v1alpha1.ReasonWrongCluster, "The server belongs to the cluster %s, and the profile speaks of %s", own, id)
	}
	seen.Doubt = failure.New(v1alpha1.ReasonWrongCluster, "The server belongs to the cluster %s, and the profile speaks of %s", seen.ClusterID, id)
	return nil
}

// ownID is how the spoke identifies itself within its cluster set; empty where it does not say.
func (l *conn) ownID(ctx context.Context) (string, error) {
	for _, path := range propertyID {
		answer, err := l.get(ctx, stepIdentity, path)
		if err != nil {
			return "", err
		}
		var property struct {
			Spec struct {
				Value string `json:"value"`
			} `json:"spec"`
		}
		if answer.code == http.StatusOK && json.Unmarshal(answer.body, &property) == nil && property.Spec.Value != "" {
			return failure.Printable(property.Spec.Value, maxID), nil
		}
	}
	return "", nil
}

// created says whether a review came back filled in.
func created[T authenticationv1.SelfSubjectReview | authorizationv1.SelfSubjectAccessReview](answer answer, review *T) bool {
	return (answer.code == http.StatusCreated || answer.code == http.StatusOK) && json.Unmarshal(answer.body, review) == nil
}
