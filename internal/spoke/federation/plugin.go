// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package federation is a credential plugin for spokes that trust the issuer of the hub's ServiceAccount tokens (KEP-4322, Push Model
// with Identity Federation). It requests a token of the consumer's own ServiceAccount from the hub, with an audience that only the one
// spoke accepts. So there is no credential of a spoke on the hub, and nothing to rotate.
//
// It caches nothing: the token has an expiry, until which consumers use it.
package federation

import (
	"context"
	"errors"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	clientauthenticationv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	"k8s.io/client-go/rest"

	"github.com/capi-inventory/capi-inventory/internal/printable"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// Name is the name of the plugin, and by convention that of its access provider.
const Name = "serviceaccount-token"

// Plugin gets tokens. It is a Provider of sigs.k8s.io/cluster-inventory-api/pkg/credentialplugin.
type Plugin struct {
	// Hub is the connection to the hub.
	Hub *rest.Config
	// Account is the ServiceAccount whose tokens are requested; the user of Hub if empty.
	Account types.NamespacedName
	// AudiencePrefix is what every audience begins with.
	AudiencePrefix string
	// Lifetime is for how long tokens are requested; the hub may decide otherwise.
	Lifetime time.Duration
}

// Name implements credentialplugin.Provider.
func (Plugin) Name() string { return Name }

// GetToken implements credentialplugin.Provider. The credential must say which cluster it is for.
func (p Plugin) GetToken(
	ctx context.Context, in clientauthenticationv1.ExecCredential,
) (clientauthenticationv1.ExecCredentialStatus, error) {
	status, err := p.token(ctx, in.Spec.Cluster)
	if err != nil {
		// The hub's errors may be of any length.
		return clientauthenticationv1.ExecCredentialStatus{}, errors.New(printable.Line(err.Error(), failure.MaxMessage))
	}
	return clientauthenticationv1.ExecCredentialStatus{Token: status.Token, ExpirationTimestamp: &status.ExpirationTimestamp}, nil
}

func (p Plugin) token(
	ctx context.Context, cluster *clientauthenticationv1.Cluster,
) (authenticationv1.TokenRequestStatus, error) {
	var none authenticationv1.TokenRequestStatus
	audience, err := Audience(p.AudiencePrefix, cluster)
	if err != nil {
		return none, err
	}
	if err := confirm(cluster.Config, audience); err != nil {
		return none, err
	}
	account, err := p.account(ctx)
	if err != nil {
		return none, err
	}
	status, err := p.request(ctx, account, audience)
	if err != nil {
		return none, fmt.Errorf("requesting a token of the ServiceAccount %s: %w", account, err)
	}
	return status, p.checkRefused(ctx, status.Token)
}

// account returns the ServiceAccount whose tokens are requested.
func (p Plugin) account(ctx context.Context) (types.NamespacedName, error) {
	if p.Account != (types.NamespacedName{}) {
		return p.Account, nil
	}
	user, err := review(ctx, p.Hub)
	if err != nil {
		return types.NamespacedName{}, fmt.Errorf("asking the hub who its user is: %w", err)
	}
	namespace, name, err := serviceaccount.SplitUsername(user)
	if err != nil {
		return types.NamespacedName{}, fmt.Errorf(
			"the user of the hub is %q and not a ServiceAccount: set --namespace and --service-account", printable.Line(user, maxQuoted))
	}
	return types.NamespacedName{Namespace: namespace, Name: name}, nil
}

func (p Plugin) request(
	ctx context.Context, account types.NamespacedName, audience string,
) (authenticationv1.TokenRequestStatus, error) {
	client, err := coreclient.NewForConfig(p.Hub)
	if err != nil {
		return authenticationv1.TokenRequestStatus{}, err
	}
	seconds := int64(p.Lifetime / time.Second)
	request, err := client.ServiceAccounts(account.Namespace).CreateToken(ctx, account.Name, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}, ExpirationSeconds: &seconds},
	}, metav1.CreateOptions{})
	if err != nil {
		return authenticationv1.TokenRequestStatus{}, err
	}
	return request.Status, nil
}

// checkRefused returns an error unless the hub refuses a token: one that it accepted would give the spoke the consumer's rights on the
// hub. Only --api-audiences of the hub's API server decides that, so the hub is asked.
func (p Plugin) checkRefused(ctx context.Context, token string) error {
	config := rest.AnonymousClientConfig(p.Hub)
	config.BearerToken = token
	switch _, err := review(ctx, config); {
	case apierrors.IsUnauthorized(err):
		return nil
	case err != nil:
		return fmt.Errorf("checking that the hub refuses the token: %w", err)
	default:
		return errors.New("the hub itself accepts the audience of the spoke: set another --audience-prefix, here and in the spokes")
	}
}

// review returns the name that the hub has for a user.
func review(ctx context.Context, config *rest.Config) (string, error) {
	client, err := authenticationclient.NewForConfig(config)
	if err != nil {
		return "", err
	}
	review, err := client.SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return review.Status.UserInfo.Username, nil
}
