// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"net/http"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// compaction stands before the API server. While it cuts watches, none gets through; after that the versions that they would go on from
// are gone, as after a compaction of etcd.
type compaction struct {
	mu sync.Mutex
	// cutting says that no watch gets through.
	cutting bool
	// expired are the paths of which a watch has found its version expired since then.
	expired map[string]bool
}

func (c *compaction) handle(w http.ResponseWriter, r *http.Request, next http.Handler) {
	query := r.URL.Query()
	if !query.Has("watch") {
		next.ServeHTTP(w, r)
		return
	}
	switch cut, expired := c.next(r.URL.Path, query.Get("resourceVersion") != ""); {
	case cut:
		panic(http.ErrAbortHandler)
	case expired:
		refuse(w, apierrors.NewResourceExpired("the version is too old"))
	default:
		next.ServeHTTP(w, r)
	}
}

// next returns what becomes of the next watch of a path. Only one that goes on from a version can find it expired.
func (c *compaction) next(path string, goesOn bool) (cut, expired bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cutting || c.expired == nil || !goesOn || c.expired[path] {
		return c.cutting, false
	}
	c.expired[path] = true
	return false, true
}

func (c *compaction) cut(cutting bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cutting, c.expired = cutting, map[string]bool{}
}

func (c *compaction) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.expired)
}

// TestCompaction cuts the watches while everything changes, and has the API server forget the events that were missed.
func TestCompaction(t *testing.T) {
	s := newStage(t)
	random := newChurn(t, s)
	etcd := &compaction{}
	gate, p := newGateway(t, etcd.handle), newProgram()
	p.start(t, s, gate.connection())
	for range either(20, 2) {
		for range 10 {
			random.step(t)
		}
		etcd.cut(true)
		gate.CloseClientConnections()
		for range 30 {
			random.step(t)
		}
		etcd.cut(false)
		// A reflector pauses longer each time it fails, so the next cut does not wait for all of them.
		p.eventually(t, func() []string {
			if etcd.count() == 0 {
				return []string{"no watch has found that its version is expired"}
			}
			return nil
		})
	}
	random.calm(t)
	p.eventually(t, func() []string { return s.audit(t) })
	if found := p.leaks(t); len(found) > 0 {
		t.Errorf("%q", found)
	}
}
