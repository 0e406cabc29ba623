// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package federation_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/capi-inventory/capi-inventory/internal/spoke/federation"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

// careless is a server whose audience the hub accepts for itself.
const careless = "https://careless.example.com"

// consumer may request tokens of its own, stranger may not.
var (
	consumer = types.NamespacedName{Namespace: "fleet", Name: "consumer"}
	stranger = types.NamespacedName{Namespace: "fleet", Name: "stranger"}
)

var (
	hub   *apiserver.Server
	admin *kubernetes.Clientset
)

func TestMain(m *testing.M) {
	var err error
	audiences := apiserver.Flag{Name: "api-audiences", Value: "hub," + federation.DefaultAudiencePrefix + careless}
	if hub, err = apiserver.Start(audiences); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := 1
	if err = prepare(context.Background()); err == nil {
		code = m.Run()
	}
	if err := errors.Join(err, hub.Stop()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// prepare makes the ServiceAccounts, and waits until the hub knows their rights.
func prepare(ctx context.Context) error {
	admin = kubernetes.NewForConfigOrDie(hub.Config())
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: consumer.Namespace}}
	if _, err := admin.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		return err
	}
	for _, account := range []types.NamespacedName{consumer, stranger} {
		object := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account.Name}}
		if _, err := admin.CoreV1().ServiceAccounts(account.Namespace).Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	meta := metav1.ObjectMeta{Name: consumer.Name}
	own := rbacv1.PolicyRule{
		APIGroups: []string{""}, Resources: []string{"serviceaccounts/token"}, ResourceNames: []string{consumer.Name},
		Verbs: []string{"create"},
	}
	role := &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{own}}
	if _, err := admin.RbacV1().Roles(consumer.Namespace).Create(ctx, role, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := admin.RbacV1().RoleBindings(consumer.Namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: consumer.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: consumer.Namespace, Name: consumer.Name}},
	}, metav1.CreateOptions{}); err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: "system:serviceaccount:" + consumer.Namespace + ":" + consumer.Name,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: consumer.Namespace, Verb: "create", Resource: "serviceaccounts", Subresource: "token", Name: consumer.Name,
			},
		}}
		review, err := admin.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		return err == nil && review.Status.Allowed, err
	})
}

// as returns the connection of a ServiceAccount to the hub.
func as(t *testing.T, account types.NamespacedName) *rest.Config {
	t.Helper()
	request, err := admin.CoreV1().ServiceAccounts(account.Namespace).
		CreateToken(t.Context(), account.Name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(hub.Config())
	config.BearerToken = request.Status.Token
	return config
}

// reviewed returns the user of a token, for audiences or else the hub's own; empty if the token is not for them.
func reviewed(t *testing.T, token string, audiences ...string) string {
	t.Helper()
	review, err := admin.AuthenticationV1().TokenReviews().Create(t.Context(), &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: audiences},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !review.Status.Authenticated {
		return ""
	}
	return review.Status.User.Username
}
