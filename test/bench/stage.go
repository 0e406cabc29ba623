// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// stage is a hub full of Clusters, none of which is published yet.
type stage struct {
	plan   plan
	shape  shape
	size   int
	dir    string
	hub    *apiserver.Server
	client client.WithWatch
	// inventory is the one that the publisher follows, and raw's requests are made by.
	inventory *v1alpha1.Inventory
	// moved is how many endpoints have been changed, and edited how often the Inventory has been edited by editOnce.
	moved, edited int
}

// open starts a hub and fills it.
func open(ctx context.Context, p plan, size int, shape shape) (*stage, error) {
	s := &stage{plan: p, size: size, shape: shape}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.fill(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// start starts the hub, and writes a kubeconfig for the programs that are measured.
func (s *stage) start() (err error) {
	if s.dir, err = os.MkdirTemp("", "capi-inventory-bench-"); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	if s.hub, err = apiserver.StartHub(s.shape.flags()...); err != nil {
		return err
	}
	if s.client, err = newClient(s.hub.Config()); err != nil {
		return err
	}
	admin, err := s.hub.As("bench", "system:masters")
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.kubeconfig(), fixture.Kubeconfig("hub", admin, ""), 0o600); err != nil {
		return fmt.Errorf("writing the hub's kubeconfig: %w", err)
	}
	return nil
}

// fill makes Inventories that select nothing yet, and the Clusters.
func (s *stage) fill(ctx context.Context) error {
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	if err := s.shape.serve(ctx, s.client); err != nil {
		return err
	}
	if err := errors.Join(s.makeNamespace(ctx, fleet), s.makeNamespace(ctx, rawFleet)); err != nil {
		return err
	}
	if err := s.makeInventories(ctx); err != nil {
		return err
	}
	return s.makeClusters(ctx, authority.credentials)
}

func (s *stage) makeInventory(ctx context.Context, name string, spec v1alpha1.InventorySpec) (*v1alpha1.Inventory, error) {
	inventory := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	if err := s.client.Create(ctx, inventory); err != nil {
		return nil, fmt.Errorf("making an Inventory: %w", err)
	}
	return inventory, nil
}

// makeClusters makes all Clusters, and then the credentials of their administrators: Cluster API needs longer than a second for those too.
func (s *stage) makeClusters(ctx context.Context, credentials func(n int) (*rest.Config, error)) error {
	began := time.Now()
	made, err := s.copyClusters(ctx)
	if err != nil {
		return err
	}
	if err := s.makeEach(ctx, "Secrets", func(ctx context.Context, n int, name types.NamespacedName) error {
		admin, err := credentials(n)
		if err != nil {
			return err
		}
		size, err := makeKubeconfig(ctx, s.client, name, admin)
		if err != nil {
			return err
		}
		if n == 0 {
			made["kubeconfig"] = size
		}
		return s.shape.makeSecrets(ctx, s.client, name)
	}); err != nil {
		return err
	}
	say("%d Clusters made in %s: %s", s.size, time.Since(began).Round(time.Second), made)
	return nil
}

// copyClusters makes one Cluster as its user and Cluster API's controllers do, and the others as copies of what etcd has of it.
func (s *stage) copyClusters(ctx context.Context) (sizes, error) {
	var first []*unstructured.Unstructured
	err := patiently(func() (err error) {
		first, err = makeCluster(ctx, s.client, types.NamespacedName{Namespace: fleet, Name: clusterName(0)}, s.shape)
		return err
	})
	if err != nil {
		return nil, err
	}
	made := sizes{}
	database := newEtcd(s.hub.Etcd(), s.workers())
	defer database.close()
	var originals []original
	for _, object := range first {
		if err := made.add(object); err != nil {
			return nil, err
		}
		original, err := database.read(ctx, s.client, object)
		if err != nil {
			return nil, err
		}
		originals = append(originals, original)
	}
	return made, s.makeEach(ctx, "Clusters", func(ctx context.Context, n int, name types.NamespacedName) error {
		if n == 0 {
			return nil
		}
		for _, original := range originals {
			if err := database.write(ctx, original, name.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

// workers is how many requests fill the hub at once.
func (s *stage) workers() int { return 2 * s.plan.concurrency }

func (s *stage) makeEach(
	ctx context.Context, what string, create func(ctx context.Context, n int, name types.NamespacedName) error,
) error {
	return parallel(ctx, s.workers(), s.size, func(ctx context.Context, n int) error {
		if n%1000 == 999 {
			say("%d of %d %s are made", n+1, s.size, what)
		}
		return patiently(func() error {
			return create(ctx, n, types.NamespacedName{Namespace: fleet, Name: clusterName(n)})
		})
	})
}

func (s *stage) kubeconfig() string { return filepath.Join(s.dir, "hub.kubeconfig") }

// close ends the hub and removes every file.
func (s *stage) close() error {
	var faults []error
	if s.hub != nil {
		faults = append(faults, s.hub.Stop())
	}
	return errors.Join(append(faults, os.RemoveAll(s.dir))...)
}

// newClient is a client of the kind that the publisher has, with no limit of its own.
func newClient(config *rest.Config) (client.WithWatch, error) {
	config.QPS = -1
	scheme := hub.NewScheme(clientgoscheme.AddToScheme, clusterv1.AddToScheme, apiextensionsv1.AddToScheme)
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connecting to the hub: %w", err)
	}
	return c, nil
}
