// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/spokes"
)

// grants is a stage with a spoke for each Cluster, and a grant for each that no broker has seen yet.
type grants struct {
	*stage
	spokes *spokes.Server
	// away is how many spokes hang, if they do.
	away int
}

// grantResult is everything measured with one number of grants, of which a tenth or none has a spoke that hangs.
type grantResult struct {
	grants, away     int
	rest             time.Duration
	granted, renewed phase
	// undisturbed is the same with no spoke that hangs; nil for that itself.
	undisturbed *grantResult
}

// compareGrants measures the broker with one number of grants, of which first none has a spoke that hangs, and then a tenth.
func (p plan) compareGrants(ctx context.Context, size int) ([]grantResult, error) {
	none, err := p.measureGrants(ctx, size, false)
	if err != nil {
		return nil, err
	}
	tenth, err := p.measureGrants(ctx, size, true)
	if err != nil {
		return []grantResult{none}, err
	}
	tenth.undisturbed = &none
	return []grantResult{none, tenth}, nil
}

// measureGrants measures a broker on a hub of its own, and on spokes of which a tenth hangs or none.
func (p plan) measureGrants(ctx context.Context, size int, hanging bool) (out grantResult, err error) {
	g := &grants{stage: &stage{plan: p, size: size}}
	if hanging {
		g.away = size / 10
	}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.open(ctx); err != nil {
		return out, err
	}
	out = grantResult{grants: size, away: g.away, rest: p.rest}
	g.hang(true)
	if out.granted, err = g.fulfil(ctx, size-g.away, p.rest); err != nil {
		return out, fmt.Errorf("granting: %w", err)
	}
	if hanging {
		// So that those that hang next have a token to be renewed.
		g.hang(false)
		if _, err := g.fulfil(ctx, g.away, 0); err != nil {
			return out, fmt.Errorf("granting the rest: %w", err)
		}
		g.hang(true)
	}
	if err := g.age(ctx); err != nil {
		return out, err
	}
	if out.renewed, err = g.fulfil(ctx, size-g.away, 0); err != nil {
		return out, fmt.Errorf("renewing: %w", err)
	}
	return out, nil
}

func (g *grants) open(ctx context.Context) error {
	if err := g.start(); err != nil {
		return err
	}
	role, err := g.viewer(ctx)
	if err != nil {
		return err
	}
	if g.spokes, err = spokes.Start(g.size, role); err != nil {
		return err
	}
	if err := g.makeNamespace(ctx, fleet); err != nil {
		return err
	}
	if _, err := g.makeInventory(ctx, "default", v1alpha1.InventorySpec{AccessProviders: []v1alpha1.AccessProvider{{
		Name:           v1alpha1.ProviderKubeconfigSecret,
		ServiceAccount: &v1alpha1.ServiceAccountAccess{ClusterRoles: []string{role.Name}},
	}}}); err != nil {
		return err
	}
	admin := func(n int) (*rest.Config, error) { return g.spokes.Config(n), nil }
	if err := g.makeClusters(ctx, admin); err != nil {
		return err
	}
	return g.request(ctx)
}

// viewer returns the ClusterRole view as a spoke has it. A controller, which the hub lacks, aggregates its rules.
func (g *grants) viewer(ctx context.Context) (*rbacv1.ClusterRole, error) {
	part := &rbacv1.ClusterRole{}
	if err := g.client.Get(ctx, client.ObjectKey{Name: "system:aggregate-to-view"}, part); err != nil {
		return nil, fmt.Errorf("reading a ClusterRole: %w", err)
	}
	return &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "view"}, Rules: part.Rules}, nil
}

// request has a publisher make the grants. It ends before the broker begins: what the API server counts after that is the broker's.
func (g *grants) request(ctx context.Context) (err error) {
	publisher, err := g.run(g.plan.publisher, "--concurrency", strconv.Itoa(g.plan.concurrency))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, publisher.stop()) }()
	say("waiting for %d grants", g.size)
	return g.await(ctx, publisher, milestone{
		counter: `capi_inventory_writes_total{kind="grant",result="success"`,
		grants:  g.size,
		passed:  func(v1alpha1.AccessGrant) bool { return true },
	})
}

// hang has the spokes that are away hang, spread over all, or none.
func (g *grants) hang(yes bool) {
	g.spokes.Hang(func(spoke int) bool { return yes && g.away > 0 && spoke%10 == 9 })
}

// age makes every token look as if it had been issued 23 hours ago, for 47 hours: it is valid, and its renewal is overdue.
func (g *grants) age(ctx context.Context) error {
	secrets := &metav1.PartialObjectMetadataList{}
	secrets.SetGroupVersionKind(secretKind.GroupVersion().WithKind(secretKind.Kind + "List"))
	if err := g.client.List(ctx, secrets, client.InNamespace(fleet), client.HasLabels{v1alpha1.LabelGrant}); err != nil {
		return fmt.Errorf("listing the Secrets of grants: %w", err)
	}
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{"capi-inventory.dev/issued-at":%q}}}`,
		time.Now().Add(-23*time.Hour).UTC().Format(time.RFC3339)))
	return parallel(ctx, 2*g.plan.concurrency, len(secrets.Items), func(ctx context.Context, i int) error {
		secret := &secrets.Items[i]
		secret.SetGroupVersionKind(secretKind)
		if err := patiently(func() error { return g.client.Patch(ctx, secret, patch) }); err != nil {
			return fmt.Errorf("changing the Secret of a grant: %w", err)
		}
		return nil
	})
}

// close ends the spokes and the hub.
func (g *grants) close() error {
	if g.spokes == nil {
		return g.stage.close()
	}
	return errors.Join(g.spokes.Close(), g.stage.close())
}
