// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

const (
	// maxToken is how many bytes a token may have.
	maxToken = 16 << 10
	// minLife is how long a token must be valid to be of use. A spoke whose clock is far behind grants less.
	minLife = 2 * time.Minute
)

// Issue asks the spoke for a token of the ServiceAccount (TokenRequest). now is when that is; the spoke says when the token expires.
func (s *Spoke) Issue(ctx context.Context, names grant.Names, ttl time.Duration, now time.Time) (grant.Token, error) {
	request := &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To(int64(ttl.Seconds()))},
	}
	if err := s.client.SubResource("token").Create(ctx, names.Account(), request); err != nil {
		return grant.Token{}, s.failed("requesting a token", err)
	}
	token := grant.Token{Value: request.Status.Token, Issued: now, Expires: request.Status.ExpirationTimestamp.Time}
	switch {
	case len(token.Value) == 0 || len(token.Value) > maxToken || strings.ContainsFunc(token.Value, notInHeader):
		return grant.Token{}, failure.New(v1alpha1.ReasonTokenRefused, "the spoke answered with something that is not a token")
	case token.Expires.Sub(now) < minLife:
		return grant.Token{}, failure.New(v1alpha1.ReasonTokenRefused,
			"the spoke's token is valid for less than %s from now: compare the clocks of hub and spoke", minLife)
	case token.Expires.Sub(now) > 2*ttl:
		// Neither a clock that is ahead nor a spoke that grants more than was asked for delays the renewal.
		token.Expires = now.Add(ttl)
	}
	return token, nil
}

// Prove returns nil if the spoke knows the token as that of the ServiceAccount (SelfSubjectReview).
func (s *Spoke) Prove(ctx context.Context, names grant.Names, token string) error {
	s.secrets = append(s.secrets, token)
	holder, err := s.connect(func(config *rest.Config) { config.BearerToken = token })
	if err != nil {
		return err
	}
	review := &authenticationv1.SelfSubjectReview{}
	if err := holder.Create(ctx, review); apierrors.IsUnauthorized(err) {
		return failure.New(v1alpha1.ReasonTokenRefused, "the spoke does not accept the token that it has issued")
	} else if err != nil {
		return s.failed("proving the token", err)
	}
	if user := review.Status.UserInfo.Username; user != names.User() {
		return failure.New(v1alpha1.ReasonTokenRefused, "the spoke knows the token as that of %q and not of %q", user, names.User())
	}
	return nil
}

func notInHeader(r rune) bool { return r <= ' ' || r > '~' }
