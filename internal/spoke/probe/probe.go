// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package probe checks whether a consumer could work with a spoke's API server, one step at a time.
//
// The steps go from the outside in, and the first one that fails is the result:
//
//	step                                      | reason
//	------------------------------------------|------------------------------------------------------------
//	does the host's name resolve?             | NameNotResolved
//	does anything answer at the address?      | ConnectFailed: refused, no route, or silence
//	is its certificate valid for the profile? | TLSFailed: expired, unknown authority, another name
//	does it accept the credentials?           | Unauthorized
//	is it ready (/readyz, /version)?          | NotReady
//	what is our user name?                    | Unauthorized if there is none
//	do we have the required permissions?      | Forbidden
//	is it the cluster of the profile?         | WrongCluster
//
// Every step has the same deadline, and all of them together have three times that: a server that answers each request just in
// time would otherwise hold a probe ten times as long. Nothing that a spoke sends is trusted: bodies, headers and texts are bounded,
// and redirects are not followed.
//
// All requests of a probe use one connection, which is opened for it and closed after it. A connection that is kept would still work
// after its certificate has expired, its name has moved, or a firewall has closed, and hide the failure that a new client will get. It
// also costs two goroutines and its buffers for each spoke between probes. The probe has its own transport for the same reason:
// client-go keeps its transports forever.
package probe

import (
	"context"
	"time"

	"k8s.io/client-go/rest"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// Prober probes spokes. It is immutable and safe for concurrent use.
type Prober struct {
	// Timeout is how long each single step may take; a whole probe may take three times as long.
	Timeout time.Duration
	// Resolver looks up the names of servers and proxies; nil for the system's.
	Resolver Resolver
	// AllowLocalServers dials loopback and link-local addresses too.
	AllowLocalServers bool
	// Permissions are what the credentials must allow for a spoke to count as reachable.
	Permissions []Permission
	// UserAgent is the user agent of requests to spokes.
	UserAgent string
}

// Result is the result of a probe.
type Result struct {
	// Failure is why the probe stopped; nil for a spoke that is reachable.
	Failure *failure.Error
	// Version is the gitVersion of the spoke; empty if not known.
	Version string
	// User is the user name of the credentials on the spoke; empty if not known.
	User string
	// Expirations are when certificates and tokens expire, as far as known.
	Expirations []Expiration
	// ClusterID is the UID of the spoke's namespace kube-system; empty if not known.
	ClusterID string
	// Doubt is a failure only if the profile's cluster ID is known to be the UID of a namespace kube-system: the spoke's is another
	// one. KEP-2149 recommends that UID and allows any other ID.
	Doubt *failure.Error
	// Steps are the times that the steps took, in order.
	Steps []Step
}

// Step is the time that one step took.
type Step struct {
	Name string
	Took time.Duration
}

// stepTimeouts is how many times the timeout of a step a whole probe may take.
const stepTimeouts = 3

// Probe probes a spoke. config holds the credentials; clusterID is the ID of the cluster in the profile, or empty. The result is not
// valid if ctx has ended.
func (p *Prober) Probe(ctx context.Context, config *rest.Config, clusterID string) Result {
	ctx, cancel := context.WithTimeoutCause(ctx, stepTimeouts*p.Timeout, errTooLong)
	defer cancel()
	c, err := p.newConn(config)
	if err != nil {
		return Result{Failure: failure.From(err, v1alpha1.ReasonInvalidAccess)}
	}
	defer c.close()
	var result Result
	err = p.run(ctx, c, clusterID, &result)
	// An error without a reason of its own is a spoke that does not work as it should.
	result.Failure = failure.From(err, v1alpha1.ReasonNotReady)
	result.Steps = c.timer.took()
	result.Expirations = append(serverExpirations(c.security), credentialExpirations(config)...)
	return result
}

// Ping sends one request without credentials, and fails only if nothing answers as it should. It finds out whether a spoke that did not
// answer is worth a probe again, without running its plugin.
func (p *Prober) Ping(ctx context.Context, config *rest.Config) Result {
	ctx, cancel := context.WithTimeoutCause(ctx, stepTimeouts*p.Timeout, errTooLong)
	defer cancel()
	c, err := p.newConn(rest.AnonymousClientConfig(config))
	if err != nil {
		return Result{Failure: failure.From(err, v1alpha1.ReasonInvalidAccess)}
	}
	defer c.close()
	_, err = c.get(ctx, StepReady, "/readyz")
	result := Result{Failure: failure.From(err, v1alpha1.ReasonNotReady), Steps: c.timer.took()}
	if result.Failure != nil && result.Failure.Reason == v1alpha1.ReasonUnauthorized {
		// It requires credentials, so it answers.
		result.Failure = nil
	}
	return result
}

func (p *Prober) run(ctx context.Context, c *conn, clusterID string, seen *Result) (err error) {
	if err := c.ready(ctx); err != nil {
		return err
	}
	if seen.Version, err = c.version(ctx); err != nil {
		return err
	}
	if seen.User, err = c.whoAmI(ctx); err != nil {
		return err
	}
	if err := c.canI(ctx, seen.User, p.Permissions); err != nil {
		return err
	}
	return c.identify(ctx, clusterID, seen)
}
