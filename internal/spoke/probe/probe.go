// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package probe asks a spoke's API server, one question at a time, whether a consumer could work with it.
//
// The questions go from the outside in, and the first one that fails is the answer:
//
//	question                                  | reason
//	------------------------------------------|------------------------------------------------------------
//	does the host's name resolve?             | NameNotResolved
//	does anything answer at the address?      | ConnectFailed: refused, no route, or silence
//	is it the server the profile vouches for? | TLSFailed: expired, unknown authority, another name
//	does it accept the credentials?           | Unauthorized
//	is it ready (/readyz, /version)?          | NotReady
//	who are we to it?                         | Unauthorized where it does not say a name
//	may we do what we will have to do?        | Forbidden
//	is it the cluster the profile speaks of?  | WrongCluster
//
// Every question has the same deadline of its own, and all of them together have that of three: a server that answers each
// question just in time would otherwise hold a probe ten times as long. Nothing of what a spoke says is trusted: bodies, headers and texts are
// bounded, redirects are not followed.
//
// All questions of a probe go through one connection, which is opened for it and closed after it. A connection that is kept
// would go on working behind a certificate that has expired, a name that has moved, or a firewall that has closed, and
// hide what the next consumer to come will meet. It also costs two goroutines and its buffers for each spoke between probes.
// The transport is the probe's own for the same reason: client-go keeps those it makes for ever.
package probe

import (
	"context"
	"time"

	"k8s.io/client-go/rest"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// Prober probes spokes. It is never changed by a probe and safe for concurrent use.
type Prober struct {
	// Timeout is how long each single question may take; a whole probe may take three times as long.
	Timeout time.Duration
	// Resolver looks up the names of servers and proxies; nil for the system's.
	Resolver Resolver
	// AllowLocalServers dials loopback and link-local addresses too.
	AllowLocalServers bool
	// Permissions are what the credentials must allow for a spoke to count as reachable.
	Permissions []Permission
	// UserAgent is how the probe introduces itself to spokes.
	UserAgent string
}

// Observation is what a probe saw.
type Result struct {
	// Failure is where the probe stopped; nil for a spoke that is reachable.
	Failure *failure.Error
	// Version is the gitVersion of the spoke; empty where the probe did not learn it.
	Version string
	// User is the name under which the spoke knows the credentials; empty where the probe did not learn it.
	User string
	// Expirations are the ends of what the way in depends on, as far as the probe learnt them.
	Expirations []Expiration
	// ClusterID is the UID of the spoke's namespace kube-system; empty where the probe did not learn it.
	ClusterID string
	// Doubt is a failure only for who knows that the profile's cluster ID is the UID of a namespace kube-system: the spoke's
	// is another one. KEP-2149 recommends that UID and allows anything else.
	Doubt *failure.Error
	// Steps says how long each question took, in the order in which they were asked.
	Steps []Step
}

// Step is the time that one question took.
type Step struct {
	Name string
	Took time.Duration
}

// steps is how many times the timeout of a step a whole probe may take.
const steps = 3

// Probe asks the questions. config holds the credentials; clusterID is how the profile identifies the cluster, or empty. The
// observation of a probe whose context has ended says nothing about the spoke.
func (p *Prober) Probe(ctx context.Context, config *rest.Config, clusterID string) Result {
	ctx, cancel := context.WithTimeoutCause(ctx, steps*p.Timeout, errTooLong)
	defer cancel()
	line, err := p.open(config)
	if err != nil {
		return Result{Failure: failure.From(err, v1alpha1.ReasonInvalidAccess)}
	}
	defer line.close()
	var observation Result
	err = p.run(ctx, line, clusterID, &observation)
	// An error without a reason of its own is a spoke that does not work as it should.
	observation.Failure = failure.From(err, v1alpha1.ReasonNotReady)
	observation.Steps = line.watch.took()
	observation.Expirations = append(ofServer(line.security), ofCredentials(config)...)
	return observation
}

// Look asks one question without credentials, and fails only where nothing answers it: it is for a spoke of which nothing was
// heard, costs no run of a plugin, and tells when a probe is worth its price again.
func (p *Prober) Ping(ctx context.Context, config *rest.Config) Result {
	ctx, cancel := context.WithTimeoutCause(ctx, steps*p.Timeout, errTooLong)
	defer cancel()
	line, err := p.open(rest.AnonymousClientConfig(config))
	if err != nil {
		return Result{Failure: failure.From(err, v1alpha1.ReasonInvalidAccess)}
	}
	defer line.close()
	_, err = line.get(ctx, stepReady, "/readyz")
	observation := Result{Failure: failure.From(err, v1alpha1.ReasonNotReady), Steps: line.watch.took()}
	if observation.Failure != nil && observation.Failure.Reason == v1alpha1.ReasonUnauthorized {
		// It wants credentials, so it is there.
		observation.Failure = nil
	}
	return observation
}

func (p *Prober) run(ctx context.Context, line *conn, clusterID string, seen *Result) (err error) {
	if err := line.ready(ctx); err != nil {
		return err
	}
	if seen.Version, err = line.version(ctx); err != nil {
		return err
	}
	if seen.User, err = line.whoAmI(ctx); err != nil {
		return err
	}
	if err := line.canI(ctx, seen.User, p.Permissions); err != nil {
		return err
	}
	return line.identify(ctx, clusterID, seen)
}
