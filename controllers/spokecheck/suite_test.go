// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	"k8s.io/utils/clock"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/spoke"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
	"github.com/capi-inventory/capi-inventory/internal/spoke/probe"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

var (
	hubServer, spokeServer *apiserver.Server
	hubClient              client.Client
	scheme                 = hub.NewScheme(clientgoscheme.AddToScheme)
	// files holds what the plugin needs: itself, and the kubeconfig of the hub.
	files string
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(zap.New(zap.WriteTo(io.Discard)))
	code, err := runSuite(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runSuite(m *testing.M) (code int, err error) {
	if files, err = os.MkdirTemp("", "consumer-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(files)
	if out, err := exec.Command(
		"go",
		"build",
		"-o",
		plugin(),
		"sigs.k8s.io/cluster-inventory-api/plugins/kubeconfig-secretreader/cmd/plugin",
	).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building upstream's plugin: %w: %s", err, out)
	}
	if hubServer, err = apiserver.StartHub(); err != nil {
		return 0, err
	}
	defer func() { _ = hubServer.Stop() }()
	if spokeServer, err = apiserver.Start(); err != nil {
		return 0, err
	}
	defer func() { _ = spokeServer.Stop() }()
	if hubClient, err = client.New(hubServer.Config(), client.Options{Scheme: scheme}); err != nil {
		return 0, err
	}
	if err := os.WriteFile(hubKubeconfig(), kubeconfigOf(hubServer.Config()), 0o600); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

func plugin() string        { return filepath.Join(files, "kubeconfig-secretreader") }
func hubKubeconfig() string { return filepath.Join(files, "hub.kubeconfig") }

// kubeconfigOf returns a kubeconfig as Cluster API writes it into a Secret: everything inline.
func kubeconfigOf(config *rest.Config) []byte {
	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters["c"] = &clientcmdapi.Cluster{Server: serverOf(config), CertificateAuthorityData: config.CAData}
	kubeconfig.AuthInfos["u"] = &clientcmdapi.AuthInfo{
		Token:                 config.BearerToken,
		ClientCertificateData: config.CertData,
		ClientKeyData:         config.KeyData,
	}
	kubeconfig.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	kubeconfig.CurrentContext = "x"
	raw, err := clientcmd.Write(*kubeconfig)
	utilruntime.Must(err)
	return raw
}

func serverOf(config *rest.Config) string {
	if strings.Contains(config.Host, "://") {
		return config.Host
	}
	return "https://" + config.Host
}

// hostOf is the host and port of a server.
func hostOf(config *rest.Config) string {
	u, err := url.Parse(serverOf(config))
	utilruntime.Must(err)
	return u.Host
}

// fleet is a namespace of profiles, with a consumer that watches it.
type fleet struct {
	t         testing.TB
	g         *gomega.WithT
	hub       client.Client
	namespace string
}

// freeAddress returns a loopback address with a free port.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}

// longTimeout is long enough for a plugin and a server that work, however busy the machine is.
const longTimeout = 30 * time.Second

// setting changes the reconciler of a test.
type setting func(*Reconciler)

func newFleet(tb testing.TB) *fleet {
	tb.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "fleet-"}}
	if err := hubClient.Create(tb.Context(), namespace); err != nil {
		tb.Fatal(err)
	}
	g := gomega.NewWithT(tb)
	g.SetDefaultEventuallyTimeout(2 * time.Minute)
	g.SetDefaultEventuallyPollingInterval(50 * time.Millisecond)
	return &fleet{t: tb, g: g, hub: hubClient, namespace: namespace.Name}
}

// watch starts a consumer for the fleet, and returns what stops it; it is stopped at the test's end at the latest.
func (f *fleet) watch(settings ...setting) (stop func()) {
	f.t.Helper()
	mgr := newManager(f.t, hubServer.Config(), f.namespace)
	reconciler := newReconciler(mgr, f.checker(secretReader()))
	for _, set := range settings {
		set(reconciler)
	}
	return start(f.t, mgr, reconciler)
}

// newManager is a manager for a namespace of a hub; empty for all.
func newManager(tb testing.TB, config *rest.Config, namespace string, change ...func(*ctrl.Options)) ctrl.Manager {
	tb.Helper()
	// Tests write much at once, and are not about the limits of the client.
	config.QPS, config.Burst = 1000, 1000
	options := ctrl.Options{
		Scheme: scheme,
		Cache: cache.Options{
			DefaultNamespaces: map[string]cache.Config{namespace: {}},
			DefaultTransform:  cache.TransformStripManagedFields(),
		},
		MapperProvider: NewRESTMapper,
		Metrics:        metricsserver.Options{BindAddress: "0"},
		Controller:     ctrlconfig.Controller{SkipNameValidation: new(true)},
	}
	for _, change := range change {
		change(&options)
	}
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		tb.Fatal(err)
	}
	return mgr
}

func newReconciler(mgr ctrl.Manager, checker Checker) *Reconciler {
	return &Reconciler{
		Client:   mgr.GetClient(),
		Live:     mgr.GetAPIReader(),
		Recorder: mgr.GetEventRecorder("consumer"),
		Clock:    clock.RealClock{},
		Checker:  checker,
		Options:  Options{Name: "consumer", Interval: 500 * time.Millisecond, Heartbeat: 5 * time.Minute, Concurrency: 4},
	}
}

// start runs a manager with the reconciler until stop is called, or the test ends.
func start(tb testing.TB, mgr ctrl.Manager, reconciler *Reconciler) (stop func()) {
	tb.Helper()
	if err := reconciler.Add(mgr, prometheus.NewRegistry()); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- mgr.Start(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-stopped; err != nil {
			tb.Error(err)
		}
	})
	tb.Cleanup(stop)
	return stop
}

// provider is an entry of a provider file.
type provider map[string]any

// secretReader is upstream's plugin, as every consumer's documentation configures it.
func secretReader() provider {
	return provider{"name": v1alpha1.ProviderKubeconfigSecret, "execConfig": map[string]any{
		"apiVersion": "client.authentication.k8s.io/v1", "command": plugin(), "provideClusterInfo": true,
	}}
}

// shell returns a plugin that is a shell script.
func shell(name, script string, args ...string) provider {
	return provider{"name": name, "execConfig": map[string]any{
		"apiVersion":         "client.authentication.k8s.io/v1",
		"command":            "sh",
		"args":               append([]string{"-c", script, "sh"}, args...),
		"provideClusterInfo": true,
	}}
}

// checker returns the real one, with the plugins of a provider file.
func (f *fleet) checker(providers ...provider) *spoke.Checker {
	f.t.Helper()
	raw, err := json.Marshal(map[string]any{"providers": providers})
	if err != nil {
		f.t.Fatal(err)
	}
	path := filepath.Join(f.t.TempDir(), "providers.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		f.t.Fatal(err)
	}
	loaded, err := access.Load(path, access.Options{AllowLocalServers: true})
	if err != nil {
		f.t.Fatal(err)
	}
	return &spoke.Checker{
		Providers: loaded,
		Credentials: &credential.Source{
			Timeout:     longTimeout,
			MaxAge:      10 * time.Minute,
			Environment: append(credential.Inherited(), "KUBECONFIG="+hubKubeconfig()),
			Clock:       clock.RealClock{},
		},
		Prober: &probe.Prober{Timeout: longTimeout, AllowLocalServers: true, UserAgent: "consumer"},
	}
}

// publish creates a kubeconfig Secret, and a profile that refers to it, as a cluster manager does.
func (f *fleet) publish(name string, config *rest.Config) *inventoryv1alpha1.ClusterProfile {
	f.t.Helper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name + "-kubeconfig"},
		Data:       map[string][]byte{"value": kubeconfigOf(config)},
	}
	if err := f.hub.Create(f.t.Context(), secret); err != nil {
		f.t.Fatal(err)
	}
	return f.offer(name, offering(v1alpha1.ProviderKubeconfigSecret, config,
		"client.authentication.k8s.io/exec", fmt.Sprintf(`{"name":%q,"key":"value","namespace":%q}`, secret.Name, f.namespace)))
}

// offering returns an access provider for a server, with pairs of an extension's name and value.
func offering(name string, config *rest.Config, extensions ...string) inventoryv1alpha1.AccessProvider {
	offer := inventoryv1alpha1.AccessProvider{
		Name:    name,
		Cluster: clientcmdv1.Cluster{Server: serverOf(config), CertificateAuthorityData: config.CAData},
	}
	for i := 0; i < len(extensions); i += 2 {
		offer.Cluster.Extensions = append(offer.Cluster.Extensions, clientcmdv1.NamedExtension{
			Name: extensions[i], Extension: runtime.RawExtension{Raw: []byte(extensions[i+1])},
		})
	}
	return offer
}

// offer creates a profile with access providers.
func (f *fleet) offer(name string, offers ...inventoryv1alpha1.AccessProvider) *inventoryv1alpha1.ClusterProfile {
	f.t.Helper()
	profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name}}
	profile.Spec.ClusterManager.Name = "test"
	if err := f.hub.Create(f.t.Context(), profile); err != nil {
		f.t.Fatal(err)
	}
	f.update(profile, func(status *inventoryv1alpha1.ClusterProfileStatus) { status.AccessProviders = offers })
	return profile
}

// update writes a profile's status.
func (f *fleet) update(profile *inventoryv1alpha1.ClusterProfile, change func(*inventoryv1alpha1.ClusterProfileStatus)) {
	f.t.Helper()
	// The typed status marshals no conditions as null, which the CRD refuses.
	if profile.Status.Conditions == nil {
		profile.Status.Conditions = []metav1.Condition{}
	}
	change(&profile.Status)
	if err := f.hub.Status().Update(f.t.Context(), profile); err != nil {
		f.t.Fatal(err)
	}
}

// check reads a SpokeCheck; nil if there is none.
func (f *fleet) check(name string) *v1alpha1.SpokeCheck {
	f.t.Helper()
	var check v1alpha1.SpokeCheck
	err := f.hub.Get(f.t.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, &check)
	if client.IgnoreNotFound(err) != nil {
		f.t.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return &check
}

// reason returns the reason of a SpokeCheck; empty if there is none yet.
func (f *fleet) reason(name string) func() string {
	return func() string {
		if check := f.check(name); check != nil {
			return reachable(check.Status).Reason
		}
		return ""
	}
}
