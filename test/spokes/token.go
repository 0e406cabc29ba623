// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokes

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// entropy is how many random bytes a token has: encoded, it is as long as a bound token of an API server.
const entropy = 750

// defaultLife is how long a token is valid if the request does not say it.
const defaultLife = time.Hour

// issued is the ServiceAccount of a token, and when the token expires.
type issued struct {
	account key
	uid     types.UID
	expires time.Time
}

// issue answers a TokenRequest with an opaque token.
func (s *spoke) issue(r request) (*authenticationv1.TokenRequest, error) {
	wanted, err := decode[*authenticationv1.TokenRequest](r)
	if err != nil {
		return nil, err
	}
	account, found := s.objects[r.key()]
	if !found {
		return nil, r.notFound()
	}
	life := defaultLife
	if seconds := wanted.Spec.ExpirationSeconds; seconds != nil {
		life = time.Duration(*seconds) * time.Second
	}
	random := make([]byte, entropy)
	_, _ = rand.Read(random)
	token, expires := base64.RawURLEncoding.EncodeToString(random), time.Now().Add(life)
	s.tokens[token] = issued{account: r.key(), uid: account.GetUID(), expires: expires}
	wanted.Status = authenticationv1.TokenRequestStatus{Token: token, ExpirationTimestamp: metav1.NewTime(expires)}
	return wanted, nil
}

// holderOf returns the user who holds a token; empty if it is not valid, or its ServiceAccount is gone.
func (s *spoke) holderOf(token string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	of, found := s.tokens[token]
	if !found || time.Now().After(of.expires) {
		return ""
	}
	if account, found := s.objects[of.account]; !found || account.GetUID() != of.uid {
		return ""
	}
	return fmt.Sprintf("system:serviceaccount:%s:%s", of.account.namespace, of.account.name)
}

func review(user string) *authenticationv1.SelfSubjectReview {
	return &authenticationv1.SelfSubjectReview{
		Status: authenticationv1.SelfSubjectReviewStatus{UserInfo: authenticationv1.UserInfo{Username: user}},
	}
}
