// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"errors"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/grant"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// errBusy says that something is changing at this moment, and that another attempt will do.
var errBusy = errors.New("the AccessGrant is being changed")

// polls are what is remembered of the broker's own access to each spoke between two looks at it: so the hub need not be asked for the
// Secret each time. That token may read ClusterProperties and nothing else.
type polls struct {
	clock clock.PassiveClock
	live  client.Reader

	mu   sync.Mutex
	last map[types.NamespacedName]poll
}

type poll struct {
	// secret is the version of the Secret that the kubeconfig is from.
	secret     string
	kubeconfig []byte
	next       time.Time
}

func newPolls(clk clock.PassiveClock, live client.Reader) *polls {
	return &polls{clock: clk, live: live, last: map[types.NamespacedName]poll{}}
}

// next sets when the spoke of a grant is to be looked at again.
func (p *polls) next(of *v1alpha1.AccessGrant, pause time.Duration) {
	if last, known := p.of(of); known {
		last.next = p.clock.Now().Add(pause)
		p.set(of, last)
	}
}

// kubeconfig returns the one that was proven last.
func (p *polls) kubeconfig(ctx context.Context, of *v1alpha1.AccessGrant) ([]byte, error) {
	if last, known := p.of(of); known {
		return last.kubeconfig, nil
	}
	secret := &corev1.Secret{}
	switch err := p.live.Get(ctx, secretKey(of), secret); {
	case apierrors.IsNotFound(err):
		return nil, errBusy
	case err != nil:
		return nil, err
	case !grant.IsOwn(secret, of), secret.ResourceVersion != of.Status.Secret.ResourceVersion:
		return nil, errBusy
	}
	kubeconfig := secret.Data[profile.GrantedSecretKey]
	p.set(of, poll{secret: secret.ResourceVersion, kubeconfig: kubeconfig})
	return kubeconfig, nil
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
