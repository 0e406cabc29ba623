// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// root is the repository, seen from this package.
const root = "../.."

var (
	// hub is where the stories take place; k8s sees it without a cache.
	hub *managementCluster
	k8s client.Client
	// shared is the workload cluster that sharedSpoke hands out.
	shared *sharing
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := runOnHub(m)
	if err != nil {
		fmt.Fprintf(os.Stderr, "e2e: %v\n", err)
		code = 1
	}
	os.Exit(code)
}

func runOnHub(m *testing.M) (code int, err error) {
	SetDefaultEventuallyTimeout(time.Minute)
	SetDefaultEventuallyPollingInterval(250 * time.Millisecond)
	SetDefaultConsistentlyDuration(5 * time.Second)
	SetDefaultConsistentlyPollingInterval(250 * time.Millisecond)
	ctrl.SetLogger(logr.Discard())
	ctx := context.Background()

	if hub, err = prepareHub(ctx); err != nil {
		return 1, fmt.Errorf("preparing the hub: %w", err)
	}
	defer func() { err = errors.Join(err, hub.leave(ctx)) }()
	if k8s, err = client.New(hub.config, client.Options{Scheme: newScheme()}); err != nil {
		return 1, err
	}
	product := &product{}
	if err := product.removeRemains(ctx); err != nil {
		return 1, err
	}
	before, err := takeStock(ctx)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, product.leave(ctx, before)) }()
	shared = share(ctx)
	if err := product.install(ctx); err != nil {
		return 1, errors.Join(fmt.Errorf("installing: %w", err), saveArtifacts(ctx, "install"))
	}
	code = m.Run()
	shared.leave()
	return code, awaitRemovals()
}

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, clusterv1.AddToScheme,
		inventoryv1alpha1.AddToScheme, v1alpha1.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
	return scheme
}

var began = time.Now()

// say prints what the suite itself does.
func say(format string, args ...any) {
	fmt.Printf("%6.1fs  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}

// step prints what happens next in a story.
func step(t *testing.T, format string, args ...any) {
	t.Helper()
	t.Logf("%6.1fs  %s", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}
