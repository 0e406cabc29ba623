// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package credential gets the credentials for a spoke from an exec credential plugin.
//
// client-go has its own runner, made for kubectl: it has no deadline, passes its whole environment to the plugin, and keeps one
// authenticator for every configuration forever. A consumer that watches thousands of spokes for months needs the opposite, so this
// package implements the exec protocol of client.authentication.k8s.io (v1 and v1beta1) itself:
//
//	a plugin that hangs          | is killed with its children at the deadline
//	a plugin that writes much    | is killed; its output is dropped
//	one that takes much memory   | gets no more than Source.MemoryLimit, on Linux
//	the environment              | Inherited, Source.Hub, and what the provider file sets
//	a credential with an expiry  | is cached until then
//	a credential without one     | is cached until Forget, or for up to Source.MaxAge
//
// Credentials are kept in memory only, and no error quotes one.
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

// Credential is a token, a client certificate with its key, or both.
type Credential struct {
	Token            string
	Certificate, Key []byte
	// Expires is the expiry that the plugin reports; zero if it reports none.
	Expires time.Time
}

// On returns a copy of a configuration that authenticates with the credential instead of the plugin.
func (c *Credential) On(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.ExecProvider = nil
	config.BearerToken = c.Token
	config.CertData, config.KeyData = c.Certificate, c.Key
	return config
}

// DefaultMemoryLimit is what plugins need, and several times that. A user who may write a kubeconfig can write one of 64 KiB on
// which upstream's kubeconfig-secretreader spends 1.6 GiB, by YAML aliases; the container would end, and with it the checks of all spokes.
const DefaultMemoryLimit = "256Mi"

// Source runs plugins and caches their credentials, one for each spoke. It is safe for concurrent use.
type Source struct {
	// Timeout is how long a plugin may take.
	Timeout time.Duration
	// MaxAge is how long at most a credential without an expiry is cached, so that a rotated one is used although the spoke still
	// accepts the old one. Each spoke has its own time in the last fifth of it: otherwise the plugins, which all run at the start,
	// would all run at once again each time.
	MaxAge time.Duration
	// MemoryLimit is how much memory in bytes each process of a plugin may take, on Linux (RLIMIT_DATA); zero for no limit.
	MemoryLimit int64
	// Environment is passed to every plugin, as NAME=value: Inherited or Personal.
	Environment []string
	// Hub returns the variables by which plugins find the hub, before each run; nil if Environment has them.
	Hub func() ([]string, error)
	// Reaper ends the processes that plugins leave behind outside their sessions. If it is nil, that is done only by the first process of
	// a container, because no other process does it there.
	Reaper *Reaper
	// Clock is for the expiry of credentials.
	Clock clock.PassiveClock

	first sync.Once
	mu    sync.Mutex
	cache map[types.NamespacedName]entry
}

// entry is the cached credential of a spoke: at most one, so that memory is bounded by the number of profiles.
type entry struct {
	key        [sha256.Size]byte
	credential *Credential
	until      time.Time
}

// Get returns the credential for a spoke, and reports whether it was cached: a spoke that refuses a cached credential may accept a new
// one, after Forget. The error is a *failure.Error.
func (s *Source) Get(
	ctx context.Context, spoke types.NamespacedName, provider string, config *rest.Config,
) (credential *Credential, fromCache bool, err error) {
	info, err := execInfo(config)
	if err != nil {
		return nil, false, err
	}
	key := fingerprint(provider, config.ExecProvider, info)
	if credential := s.lookup(spoke, key); credential != nil {
		return credential, true, nil
	}
	if credential, err = s.run(ctx, provider, config.ExecProvider, info); err != nil {
		return nil, false, err
	}
	s.store(spoke, key, credential)
	return credential, false, nil
}

// Forget drops the cached credential of a spoke: its profile is gone, or the spoke has refused it.
func (s *Source) Forget(spoke types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.cache, spoke)
}

func (s *Source) lookup(spoke types.NamespacedName, key [sha256.Size]byte) *Credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	cached, ok := s.cache[spoke]
	if !ok || cached.key != key || !s.Clock.Now().Before(cached.until) {
		return nil
	}
	return cached.credential
}

func (s *Source) store(spoke types.NamespacedName, key [sha256.Size]byte, credential *Credential) {
	until := credential.Expires
	if until.IsZero() {
		until = s.Clock.Now().Add(s.age(spoke))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cache == nil {
		s.cache = map[types.NamespacedName]entry{}
	}
	s.cache[spoke] = entry{key: key, credential: credential, until: until}
}

// age returns how long a credential without an expiry is cached for a spoke.
func (s *Source) age(spoke types.NamespacedName) time.Duration {
	hash := fnv.New64a()
	_, _ = io.WriteString(hash, spoke.String())
	const steps = 1 << 10
	return s.MaxAge - s.MaxAge/5*time.Duration(hash.Sum64()%steps)/steps
}
