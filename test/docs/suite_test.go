// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package docs_test holds the documents against what they speak of: the recipes for consumers against a real API server, the
// publisher and the rules of those consumers; the runbook against the alerts and reasons that there are; the reference
// against CRDs, source and programs; and every link against the file that it leads to.
package docs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/capi-inventory/capi-inventory/controllers/accessgrant"
	"github.com/capi-inventory/capi-inventory/controllers/publisher"
	"github.com/capi-inventory/capi-inventory/controllers/spokecheck"
	"github.com/capi-inventory/capi-inventory/internal/broker/remote"
	clusterhub "github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

const root = "../.."

// hub is a real API server; k8s sees it without a cache.
type hub struct {
	*apiserver.Server
	k8s client.Client
}

func startHub(t *testing.T) hub {
	t.Helper()
	ctrl.SetLogger(logr.Discard())
	server := apiserver.StartHubFor(t)
	k8s, err := client.New(server.Config(), client.Options{Scheme: newScheme()})
	if err != nil {
		t.Fatal(err)
	}
	return hub{server, k8s}
}

func newScheme() *runtime.Scheme {
	return clusterhub.NewScheme(clientgoscheme.AddToScheme, clusterv1.AddToScheme)
}

// startPublisher runs the publisher until the test ends.
func (h hub) startPublisher(t *testing.T, metrics prometheus.Registerer) {
	t.Helper()
	h.start(t, ctrl.Options{Cache: publisher.CacheOptions(nil, 10*time.Minute), MapperProvider: publisher.NewRESTMapper},
		func(mgr ctrl.Manager) error {
			return publisher.Add(mgr, publisher.Options{
				ClusterManager: "cluster-api",
				Concurrency:    4,
				Clock:          clock.RealClock{},
				Metrics:        metrics,
			})
		})
}

// startBroker runs the broker until the test ends.
func (h hub) startBroker(t *testing.T, metrics prometheus.Registerer) {
	t.Helper()
	h.start(t, ctrl.Options{Cache: accessgrant.CacheOptions(nil), MapperProvider: accessgrant.NewRESTMapper},
		func(mgr ctrl.Manager) error {
			return accessgrant.Add(mgr, accessgrant.Options{
				Concurrency: 4,
				Spokes:      remote.Options{Timeout: time.Minute, AllowLocalServers: true, UserAgent: accessgrant.FieldManager},
				Clock:       clock.RealClock{},
				Metrics:     metrics,
			})
		})
}

// startConsumer runs the consumer until the test ends. It knows no access provider.
func (h hub) startConsumer(t *testing.T, metrics prometheus.Registerer) {
	t.Helper()
	h.start(t, ctrl.Options{MapperProvider: spokecheck.NewRESTMapper}, func(mgr ctrl.Manager) error {
		reconciler := &spokecheck.Reconciler{
			Client:   mgr.GetClient(),
			Live:     mgr.GetAPIReader(),
			Recorder: mgr.GetEventRecorder("consumer"),
			Clock:    clock.RealClock{},
			Checker:  &spoke.Checker{},
			Options:  spokecheck.Options{Name: "consumer", Interval: time.Minute, Heartbeat: time.Minute, Concurrency: 1},
		}
		return reconciler.Add(mgr, metrics)
	})
}

// start runs a manager until the test ends.
func (h hub) start(t *testing.T, options ctrl.Options, add func(ctrl.Manager) error) {
	t.Helper()
	options.Scheme = newScheme()
	options.Metrics = metricsserver.Options{BindAddress: "0"}
	options.Controller = config.Controller{SkipNameValidation: ptr.To(true)}
	mgr, err := ctrl.NewManager(h.Config(), options)
	if err != nil {
		t.Fatal(err)
	}
	if err := add(mgr); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		select {
		case err := <-done:
			t.Errorf("the manager ended before the test: %v", err)
		default:
			cancel() // to be ended while its caches start is an error of a manager's
			<-done
		}
	})
}

func (h hub) ensureNamespace(t *testing.T, name string) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := client.IgnoreAlreadyExists(h.k8s.Create(t.Context(), namespace)); err != nil {
		t.Fatal(err)
	}
}

// apply applies every object of a file, strictly: a misspelt field is an error.
func (h hub) apply(t *testing.T, path string) {
	t.Helper()
	strict := client.WithFieldValidation(h.k8s, metav1.FieldValidationStrict)
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(contents(t, path))), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if err := strict.Create(t.Context(), object); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
}

func (h hub) create(t *testing.T, object client.Object) {
	t.Helper()
	if err := h.k8s.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

// contents is a file of the repository.
func contents(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
