// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"context"
	"errors"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
)

// maxRefusals is the number of refusals in a row that end a feed which the hub has let watch before. An API server that has just
// started may refuse what it permits a moment later.
const maxRefusals = 3

// responses evaluates the responses of the hub.
type responses struct {
	handler Handler
	stop    context.CancelFunc

	mu sync.Mutex
	// lastError is the last error that was reported, until the hub responds again.
	lastError string
	// established means that the hub has let the feed watch.
	established bool
	// refusals is the number of permanent errors since the hub has let the feed watch.
	refusals int
	ended    bool
}

// listed evaluates the response to a list. It does not end a row of refusals, because the right to list is not that to watch.
func (r *responses) listed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report(err)
}

// watched evaluates the response to a watch. A hub that does not support streamed lists responds to them with an error. The informer
// lists next, so only what has never been permitted is reported here.
func (r *responses) watched(err error, streamed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if streamed && isResponse(err) && (r.established || !isPermanent(err)) {
		return
	}
	if err == nil {
		r.established, r.refusals = true, 0
	}
	r.report(err)
}

// report reports the error of a response: a permanent one ends the feed, and any other is reported once. It must hold mu.
func (r *responses) report(err error) {
	switch {
	case r.ended:
	case err == nil:
		if r.lastError != "" {
			r.handler.Recovered()
		}
		r.lastError = ""
	case isPermanent(err) && r.refused():
		r.ended = true
		r.handler.Ended(err)
		r.stop()
	case !isExpected(err) && r.lastError != err.Error():
		r.lastError = err.Error()
		r.handler.Failed(err)
	}
}

// refused counts a refusal, and reports whether it ends the feed. It must hold mu.
func (r *responses) refused() bool {
	r.refusals++
	return !r.established || r.refusals >= maxRefusals
}

// isPermanent reports whether the hub would return the same error again. Unauthorized is none: client-go gets another token after it,
// and a user may log in again.
func isPermanent(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || meta.IsNoMatchError(err)
}

// isResponse reports whether an error is a response of the hub.
func isResponse(err error) bool {
	var response apierrors.APIStatus
	return errors.As(err, &response)
}

// isExpected reports whether an error occurs in every long watch.
func isExpected(err error) bool {
	return errors.Is(err, context.Canceled) || apierrors.IsResourceExpired(err) || apierrors.IsGone(err)
}
