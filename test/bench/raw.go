// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// raw sends the publisher's requests for all Clusters, and decides nothing.
type raw struct {
	*stage
	inventory *profile.Inventory
	facts     []profile.Facts
}

// newRaw reads what the publisher would read.
func (s *stage) newRaw(ctx context.Context) (*raw, error) {
	compiler, err := cel.NewCompiler()
	if err != nil {
		return nil, err
	}
	r := &raw{stage: s}
	if r.inventory, err = profile.Compile(compiler, s.inventory); err != nil {
		return nil, err
	}
	var clusters clusterv1.ClusterList
	if err := s.client.List(ctx, &clusters, client.InNamespace(fleet)); err != nil {
		return nil, fmt.Errorf("listing Clusters: %w", err)
	}
	var secrets corev1.SecretList
	if err := s.client.List(ctx, &secrets, client.InNamespace(fleet)); err != nil {
		return nil, fmt.Errorf("listing Secrets: %w", err)
	}
	kubeconfigs := map[string]map[string][]byte{}
	for i := range secrets.Items {
		kubeconfigs[secrets.Items[i].Name] = secrets.Items[i].Data
	}
	for i := range clusters.Items {
		facts := profile.Facts{
			Manager:     "cluster-api",
			Cluster:     &clusters.Items[i],
			Now:         time.Now(),
			Kubeconfigs: map[profile.SecretKey]profile.Kubeconfig{},
		}
		for _, key := range r.inventory.Secrets(facts.Cluster) {
			parsed, err := endpoint.Parse(kubeconfigs[key.Name][key.Key])
			if err != nil {
				return nil, err
			}
			facts.Kubeconfigs[key] = profile.Kubeconfig{Endpoint: parsed}
		}
		r.facts = append(r.facts, facts)
	}
	return r, nil
}

// request is what the publisher sends for one Cluster: the profile, and then its status.
type request struct {
	profile, status *inventoryac.ClusterProfileApplyConfiguration
}

// requests makes the publisher's requests, into raw's namespace. An apply leaves the answer in them, so none can be sent twice.
func (r *raw) requests() ([]request, error) {
	requests := make([]request, 0, len(r.facts))
	for _, facts := range r.facts {
		wanted, problems := r.inventory.Profile(facts)
		status, more := r.inventory.Status(facts, 1)
		for _, p := range append(problems, more...) {
			return nil, fmt.Errorf("a Cluster that cannot be published in full: %s: %s", p.Reason, p.Message)
		}
		requests = append(requests, request{profile: wanted.WithNamespace(rawFleet), status: status.WithNamespace(rawFleet)})
	}
	return requests, nil
}

// publish measures how long the requests take. No publisher runs meanwhile: it would watch what raw writes.
func (r *raw) publish(ctx context.Context) (took time.Duration, err error) {
	requests, err := r.requests()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := parallel(ctx, r.plan.concurrency, len(requests), func(ctx context.Context, i int) error {
		if err := r.client.Apply(ctx, requests[i].profile, client.FieldOwner(profile.FieldManager), client.ForceOwnership); err != nil {
			return fmt.Errorf("raw: applying a profile: %w", err)
		}
		err := r.client.Status().Apply(ctx, requests[i].status, client.FieldOwner(profile.FieldManager), client.ForceOwnership)
		if err != nil {
			return fmt.Errorf("raw: applying a status: %w", err)
		}
		return nil
	}); err != nil {
		return 0, err
	}
	took = time.Since(began)
	// They carry the publisher's provenance, and it would take them for its own.
	return took, r.removeProfiles(ctx, rawFleet)
}

// publishWatched is publish while somebody watches the profiles: the API server encodes two events for each, and the watcher decodes them.
func (r *raw) publishWatched(ctx context.Context) (took time.Duration, err error) {
	watch, err := r.client.Watch(ctx, &inventoryv1alpha1.ClusterProfileList{}, client.InNamespace(rawFleet))
	if err != nil {
		return 0, fmt.Errorf("watching profiles: %w", err)
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		for range watch.ResultChan() {
			continue
		}
	})
	defer reader.Wait()
	defer watch.Stop()
	return r.publish(ctx)
}
