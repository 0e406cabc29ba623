// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"context"
	"flag"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterhub "github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

var full = flag.Bool("fault.full", false, "run the long tests too")

var (
	server *apiserver.Server
	// hub reads and writes without a cache.
	hub client.Client
)

func TestMain(m *testing.M) {
	// A bound, not an expectation: a busy machine takes long.
	gomega.SetDefaultEventuallyTimeout(3 * time.Minute)
	gomega.SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	ctrl.SetLogger(logr.Discard())
	apiserver.RunOnHub(m, func(started *apiserver.Server) (err error) {
		server = started
		hub, err = client.New(started.Config(), client.Options{
			Scheme: clusterhub.NewScheme(clientgoscheme.AddToScheme, clusterv1.AddToScheme),
		})
		return err
	})
}

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Context() context.Context
	Cleanup(func())
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
	Failed() bool
}

// either returns the number for the long run, or that for the quick one.
func either(long, quick int) int {
	if *full {
		return long
	}
	return quick
}

// must fails the test because of an error.
func must(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// eventually waits until there are no faults, and reports them otherwise.
func eventually(t tester, faults func() []string) {
	t.Helper()
	g := gomega.NewGomega(func(message string, _ ...int) { t.Fatalf("%s", message) })
	g.Eventually(faults).Should(gomega.BeEmpty())
}
