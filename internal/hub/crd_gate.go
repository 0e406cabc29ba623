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

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/discovery"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
)

const (
	// pollInterval is how often the gate checks for APIs that are not installed. Our controllers may not read
	// CustomResourceDefinitions, so there is nothing to watch.
	pollInterval = 5 * time.Second
	// recheckInterval is how often it checks, when they are, that they still are, in the versions in use.
	recheckInterval = 30 * time.Second
)

// errDiscovery is logged when the gate cannot check for APIs, for a reason that may pass.
const errDiscovery = "Could not check for the required APIs"

// Gate sets up a controller as soon as the APIs that it needs are installed, in whatever order they come. It ends the manager with an
// error when an API is no longer served in the version in use and is in another one that can be used: a process uses one version, and
// its successor chooses again.
type Gate struct {
	// Required are the APIs that the controller needs.
	Required []API
	// Setup adds the controller to the manager, which runs already.
	Setup func(context.Context) error
	Clock clock.WithTicker
	// Metrics is where the gauge of missing APIs is registered.
	Metrics prometheus.Registerer

	manager   ctrl.Manager
	discovery discovery.DiscoveryInterface
	gauge     *prometheus.GaugeVec

	mu sync.Mutex
	// missing are the required APIs that cannot be used, by name, and why; nil before the first check.
	missing map[string]string
}

// AddTo adds the gate to a manager, and to the manager's readiness a check for each API that is needed, under the name of its
// CustomResourceDefinition: a health endpoint withholds reasons, but not names.
func (g *Gate) AddTo(mgr ctrl.Manager) error {
	client, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return fmt.Errorf("making a discovery client: %w", err)
	}
	g.manager, g.discovery = mgr, client
	g.gauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "capi_inventory_missing_apis",
		Help: "Whether an API without which the program does nothing is missing, or was not found yet (1), or not (0), by its CustomResourceDefinition.",
	}, []string{"crd"})
	if err := g.Metrics.Register(g.gauge); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	for _, api := range g.Required {
		g.gauge.WithLabelValues(api.CRD).Set(1)
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
	if g.missing == nil {
		return errors.New("starting")
	}
	if why, missing := g.missing[crd]; missing {
		return errors.New(why)
	}
	return nil
}

// NeedLeaderElection implements manager.LeaderElectionRunnable: a standby checks for the APIs too, and is ready when they are
// installed. Its controllers wait for the lead themselves.
func (g *Gate) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable. It waits for the APIs, sets up the controller, and then watches over the versions.
func (g *Gate) Start(ctx context.Context) error {
	installed, err := g.wait(ctx)
	if err != nil || !installed {
		return err
	}
	if err := g.Setup(ctx); err != nil {
		return err
	}
	return g.recheck(ctx)
}

// wait returns when the APIs are installed, or when the context ends before.
func (g *Gate) wait(ctx context.Context) (installed bool, err error) {
	ticker := g.Clock.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		missing, err := g.discover()
		var moved *versionError
		switch {
		case errors.As(err, &moved):
			return false, err
		case err != nil:
			g.log().Error(err, errDiscovery)
		case len(missing) == 0:
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-ticker.C():
		}
	}
}

// recheck returns an error when an API has moved to another version. An API that is deleted may come back, and the watches wait for it.
func (g *Gate) recheck(ctx context.Context) error {
	ticker := g.Clock.NewTicker(recheckInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
		_, err := g.discover()
		var moved *versionError
		switch {
		case errors.As(err, &moved):
			return err
		case err != nil:
			g.log().Error(err, errDiscovery)
		}
	}
}

// discover returns the required APIs that cannot be used, and why, and reports them.
func (g *Gate) discover() (map[string]string, error) {
	missing := map[string]string{}
	errs := make([]error, 0, len(g.Required))
	for _, api := range g.Required {
		why, err := g.check(api)
		if why != "" {
			missing[api.CRD] = why
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	g.report(missing)
	return missing, nil
}

// report reports the APIs that cannot be used by readiness and metric, and logs them when they change.
func (g *Gate) report(missing map[string]string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch names := describe(missing); {
	case names == describe(g.missing):
	case names == "":
		g.log().Info("All required CustomResourceDefinitions are installed")
	default:
		g.log().Info("Waiting for CustomResourceDefinitions to be installed", "missing", names)
	}
	g.missing = missing
	for _, api := range g.Required {
		value := 0.0
		if _, isMissing := missing[api.CRD]; isMissing {
			value = 1
		}
		g.gauge.WithLabelValues(api.CRD).Set(value)
	}
}

func (g *Gate) log() logr.Logger { return g.manager.GetLogger().WithName("gate") }

// check returns why an API cannot be used; empty if it can. A versionError says that another version of it can.
func (g *Gate) check(api API) (why string, err error) {
	inUse := api.Kind
	for _, kind := range api.kinds() {
		if g.manager.GetScheme().Recognizes(kind) {
			inUse = kind
		}
	}
	switch served, err := isServed(g.discovery, inUse); {
	case err != nil:
		return "", fmt.Errorf("checking for %s: %w", api.CRD, err)
	case served:
		return "", nil
	}
	others, err := servedVersions(g.discovery, api.Kind.GroupKind())
	switch {
	case err != nil:
		return "", fmt.Errorf("checking for %s: %w", api.CRD, err)
	case len(others) == 0:
		return notInstalled, nil
	}
	for _, kind := range api.kinds() {
		if kind != inUse && slices.Contains(others, kind.Version) {
			return "", &versionError{crd: api.CRD, inUse: inUse.Version, served: kind.Version}
		}
	}
	return fmt.Sprintf("served as %s only", strings.Join(others, ", ")), nil
}

// notInstalled is why an API cannot be used that is served in no version.
const notInstalled = "not installed"

// describe returns the names of the APIs that cannot be used, with the reason where it is not that they are not installed.
func describe(missing map[string]string) string {
	names := make([]string, 0, len(missing))
	for _, crd := range slices.Sorted(maps.Keys(missing)) {
		if why := missing[crd]; why != notInstalled {
			crd += " (" + why + ")"
		}
		names = append(names, crd)
	}
	return strings.Join(names, ", ")
}
