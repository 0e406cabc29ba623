// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package credential gets the credentials for a spoke from an exec credential plugin.
//
// client-go has a runner of its own, made for a person's kubectl: it has no deadline, hands the plugin its whole
// environment, and keeps one authenticator for every configuration it ever saw. A consumer that watches thousands of spokes
// for months needs the opposite, so this package speaks the exec protocol of client.authentication.k8s.io (v1 and v1beta1)
// itself:
//
//	a plugin that hangs          | is killed with its children at the deadline
//	a plugin that writes much    | is killed; what it wrote is dropped
//	the environment              | only what Inherited names, what Source.Hub says, and what the provider file sets
//	an answer with an expiry     | is kept until then
//	an answer without one        | is kept until Forget, or for up to Source.MaxAge
//
// A credential is held in memory only, and no error quotes one.
package credential

import (
	"context"
	"crypto/sha256"
	"hash/fnv"
	"io"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

// Credential is what a plugin gave: a token, a client certificate with its key, or both.
type Credential struct {
	Token            string
	Certificate, Key []byte
	// Expires is when the plugin says that the credential ends; zero where it does not say.
	Expires time.Time
}

// On returns a copy of a configuration that authenticates with the credential, in place of the plugin.
func (c *Credential) On(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.ExecProvider = nil
	config.BearerToken = c.Token
	config.CertData, config.KeyData = c.Certificate, c.Key
	return config
}

// Source runs plugins and remembers their answers, one for each spoke. It is safe for concurrent use.
type Source struct {
	// Timeout is how long a plugin may take.
	Timeout time.Duration
	// MaxAge is how long at most an answer without an expiry is kept, so that a credential that was rotated is taken up
	// although the spoke still accepts the old one. Each spoke has a time of its own in the last fifth of it: after a start,
	// when all plugins run at once, they would otherwise do so again each time.
	MaxAge time.Duration
	// Environment is handed to every plugin, as NAME=value: Inherited or Personal.
	Environment []string
	// Hub gives the variables by which plugins find the hub, before each run; nil where Environment has them.
	Hub func() ([]string, error)
	// Reaper ends what plugins leave behind outside their sessions. Where it is nil, that is done for the first process of a
	// container alone, as nobody else does it there.
	Reaper *Reaper
	// Clock tells when an answer has expired.
	Clock clock.PassiveClock

	first   sync.Once
	mu      sync.Mutex
	answers map[types.NamespacedName]cached
}

// answer is what is remembered of a spoke: at most one, so that memory is bounded by the number of profiles.
type cached struct {
	question   [sha256.Size]byte
	credential *Credential
	until      time.Time
}

// Get returns the credential for a spoke, and whether it is one remembered from an earlier call: a spoke that refuses a
// remembered credential may accept a fresh one, after Forget. The error is a *stage.Failure.
func (s *Source) Get(ctx context.Context, spoke types.NamespacedName, provider string, config *rest.Config) (credential *Credential, remembered bool, err error) {
	info, err := execInfo(config)
	if err != nil {
		return nil, false, err
	}
	question := request(provider, config.ExecProvider, info)
	if credential := s.lookup(spoke, question); credential != nil {
		return credential, true, nil
	}
	if credential, err = s.run(ctx, provider, config.ExecProvider, info); err != nil {
		return nil, false, err
	}
	s.store(spoke, question, credential)
	return credential, false, nil
}

// Forget drops what is remembered of a spoke: its profile is gone, or the spoke has refused the credential.
func (s *Source) Forget(spoke types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.answers, spoke)
}

func (s *Source) lookup(spoke types.NamespacedName, question [sha256.Size]byte) *Credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer, ok := s.answers[spoke]
	if !ok || answer.question != question || !s.Clock.Now().Before(answer.until) {
		return nil
	}
	return answer.credential
}

func (s *Source) store(spoke types.NamespacedName, question [sha256.Size]byte, credential *Credential) {
	until := credential.Expires
	if until.IsZero() {
		until = s.Clock.Now().Add(s.age(spoke))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answers == nil {
		s.answers = map[types.NamespacedName]cached{}
	}
	s.answers[spoke] = cached{question: question, credential: credential, until: until}
}

// age is how long an answer for a spoke is kept.
func (s *Source) age(spoke types.NamespacedName) time.Duration {
	hash := fnv.New64a()
	_, _ = io.WriteString(hash, spoke.String())
	const steps = 1 << 10
	return s.MaxAge - s.MaxAge/5*time.Duration(hash.Sum64()%steps)/steps
}
