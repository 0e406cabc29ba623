// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// polls are what is remembered of the broker's own access to each spoke between two looks at it: so the hub need not be asked for the
// Secret each time. That token may read ClusterProperties and nothing else.
type polls struct {
	mu   sync.Mutex
	last map[types.NamespacedName]poll
}

type poll struct {
	// secret is the version of the Secret that the kubeconfig is from.
	secret     string
	kubeconfig []byte
	next       time.Time
}

func newPolls() *polls { return &polls{last: map[types.NamespacedName]poll{}} }

// next sets when the spoke of a grant is to be looked at again.
func (p *polls) next(of *v1alpha1.AccessGrant, at time.Time) {
	if last, known := p.of(of); known {
		last.next = at
		p.set(of, last)
	}
}

// of returns what is remembered of the Secret that a grant has now.
func (p *polls) of(of *v1alpha1.AccessGrant) (last poll, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, known = p.last[client.ObjectKeyFromObject(of)]
	return last, known && last.secret == of.Status.Secret.ResourceVersion
}

func (p *polls) set(of *v1alpha1.AccessGrant, last poll) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last[client.ObjectKeyFromObject(of)] = last
}

func (p *polls) forget(key types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.last, key)
}
