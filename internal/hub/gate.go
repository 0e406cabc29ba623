// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub

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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
)

// pollInterval is how often the gate checks for APIs that are not installed. Our controllers may not read
// CustomResourceDefinitions, so there is nothing to watch.
const pollInterval = 5 * time.Second

// Gate sets up a controller as soon as the APIs that it needs are installed, in whatever order they come.
type Gate struct {
	// Required are the APIs that the controller needs.
	Required []API
	// Setup adds the controller to the manager, which runs already.
	Setup func(context.Context) error
	Clock clock.WithTicker

	manager   ctrl.Manager
	discovery discovery.DiscoveryInterface

	mu sync.Mutex
	// missing are the required APIs that are not installed, by name; nil before the first check.
	missing map[string]bool
}

// AddTo adds the gate to a manager, and to the manager's readiness a check for each API that is needed, under the name of its
// CustomResourceDefinition: a health endpoint withholds reasons, but not names.
func (g *Gate) AddTo(mgr ctrl.Manager) error {
	client, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("making a discovery client: %w", err)
	}
	g.manager, g.discovery = mgr, client
	for _, api := range g.Required {
		if err := mgr.AddReadyzCheck(api.CRD, func(*http.Request) error { return g.installed(api.CRD) }); err != nil {
			return fmt.Errorf("adding a readiness check: %w", err)
		}
	}
	if err := mgr.Add(g); err != nil {
		return fmt.Errorf("adding the gate: %w", err)
	}
	return nil
}

// installed is the readiness check of one API.
func (g *Gate) installed(crd string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.missing == nil:
		return errors.New("starting")
	case g.missing[crd]:
		return errors.New("not installed")
	}
	return nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: a standby checks for the APIs too, and is ready when they are
// installed. Its controllers wait for the lead themselves.
func (g *Gate) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable. It waits for the APIs and sets up the controller.
func (g *Gate) Start(ctx context.Context) error {
	log := g.manager.GetLogger().WithName("gate")
	ticker := g.Clock.NewTicker(pollInterval)
	defer ticker.Stop()
	for logged := ""; ; {
		missing, err := g.discover()
		names := strings.Join(slices.Sorted(maps.Keys(missing)), ", ")
		switch {
		case err != nil:
			log.Error(err, "Could not check for the required APIs")
		case len(missing) == 0:
			return g.Setup(ctx)
		case names != logged:
			log.Info("Waiting for CustomResourceDefinitions to be installed", "missing", names)
			logged = names
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

// discover returns the required APIs that are not installed.
func (g *Gate) discover() (map[string]bool, error) {
	missing := map[string]bool{}
	for _, api := range g.Required {
		served, err := Served(g.discovery, api)
		if err != nil {
			return nil, err
		}
		if !served {
			missing[api.CRD] = true
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.missing = missing
	return missing, nil
}

// Served reports whether the API server serves an API.
func Served(client discovery.ServerResourcesInterface, api API) (bool, error) {
	resources, err := client.ServerResourcesForGroupVersion(api.Kind.GroupVersion().String())
	if apierrors.IsNotFound(err) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("checking for %s: %w", api.CRD, err)
	}
	return slices.ContainsFunc(resources.APIResources, func(r metav1.APIResource) bool { return r.Kind == api.Kind.Kind }), nil
}
