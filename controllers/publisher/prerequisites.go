// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// lookAgain is how long to wait before looking again for an API that is not installed. The publisher may not read
// CustomResourceDefinitions, so there is nothing to watch.
const lookAgain = 5 * time.Second

// required are the APIs without which there is nothing to publish, or nowhere to, by the names of their
// CustomResourceDefinitions.
var required = []struct {
	name  string
	kind  schema.GroupVersionKind
	scope meta.RESTScope
}{
	{"clusters.cluster.x-k8s.io", clusterv1.GroupVersion.WithKind("Cluster"), meta.RESTScopeNamespace},
	{"clusterprofiles.multicluster.x-k8s.io", inventoryv1alpha1.GroupVersion.WithKind("ClusterProfile"), meta.RESTScopeNamespace},
	{"inventories.capi-inventory.dev", v1alpha1.SchemeGroupVersion.WithKind("Inventory"), meta.RESTScopeRoot},
}

// prerequisites starts the publisher as soon as the APIs that it needs are installed, in whatever order they come.
type prerequisites struct {
	manager   ctrl.Manager
	discovery discovery.DiscoveryInterface
	options   Options

	mu sync.Mutex
	// missing are the required APIs that are not installed, by name; nil where nobody has looked yet.
	missing map[string]bool
}

// Add adds the publisher to a manager, and to the manager's readiness a check for each API that it needs, under the name of
// its CustomResourceDefinition: a health endpoint withholds reasons, but not names.
func Add(mgr ctrl.Manager, options Options) error {
	client, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("making a discovery client: %w", err)
	}
	p := &prerequisites{manager: mgr, discovery: client, options: options}
	for _, api := range required {
		if err := mgr.AddReadyzCheck(api.name, func(*http.Request) error { return p.installed(api.name) }); err != nil {
			return fmt.Errorf("adding a readiness check: %w", err)
		}
	}
	if err := mgr.Add(p); err != nil {
		return fmt.Errorf("adding the publisher: %w", err)
	}
	return nil
}

// installed is the readiness check of one API.
func (p *prerequisites) installed(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.missing == nil:
		return errors.New("the publisher is starting")
	case p.missing[name]:
		return errors.New("not installed")
	}
	return nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: a standby looks for the APIs too, and is ready when they
// are there. Its controllers wait for the lead themselves.
func (p *prerequisites) NeedLeaderElection() bool { return false }

// Start waits for the APIs and starts the publisher.
func (p *prerequisites) Start(ctx context.Context) error {
	log := p.manager.GetLogger().WithName("prerequisites")
	ticker := p.options.Clock.NewTicker(lookAgain)
	defer ticker.Stop()
	for told := ""; ; {
		missing, err := p.look()
		names := strings.Join(slices.Sorted(maps.Keys(missing)), ", ")
		switch {
		case err != nil:
			log.Error(err, "Could not look for the APIs that are needed")
		case len(missing) == 0:
			return setup(ctx, p.manager, p.options)
		case names != told:
			log.Info("Waiting for CustomResourceDefinitions to be installed", "missing", names)
			told = names
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

// look finds the required APIs that are not installed.
func (p *prerequisites) look() (map[string]bool, error) {
	missing := map[string]bool{}
	for _, api := range required {
		served, err := p.discovery.ServerResourcesForGroupVersion(api.kind.GroupVersion().String())
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("looking for %s: %w", api.name, err)
		}
		if err != nil || !slices.ContainsFunc(served.APIResources, func(r metav1.APIResource) bool { return r.Kind == api.kind.Kind }) {
			missing[api.name] = true
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.missing = missing
	return missing, nil
}
