// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/cli/dashboard/fleet"
	"github.com/capi-inventory/capi-inventory/internal/cli/explain"
	"github.com/capi-inventory/capi-inventory/internal/cli/lint"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// viewer is a page without a browser: what the stream has sent it.
type viewer struct {
	mu     sync.Mutex
	tiles  map[string]fleet.Tile
	kinds  map[string]string
	status status
}

// view reads the stream of a dashboard until the test ends.
func view(tb testing.TB, d *Dashboard) *viewer {
	tb.Helper()
	response, err := browser(tb, d).Get("http://" + d.listener.Addr().String() + "/api/stream") //nolint:bodyclose // at the end of the test
	must(tb, err)
	v := &viewer{tiles: map[string]fleet.Tile{}, kinds: map[string]string{}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, 1<<24)
		event := ""
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				event = value
			case "data":
				v.take(event, []byte(value))
			}
		}
	}()
	tb.Cleanup(func() {
		_ = response.Body.Close()
		<-ended
	})
	return v
}

func (v *viewer) take(event string, data []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch event {
	case "status":
		v.status = status{}
		_ = json.Unmarshal(data, &v.status)
		for _, k := range v.status.Kinds {
			v.kinds[k.Kind] = k.State
		}
	case "tiles":
		var changed struct {
			Put  []fleet.Tile
			Gone []string
		}
		_ = json.Unmarshal(data, &changed)
		for _, tile := range changed.Put {
			v.tiles[tile.Key] = tile
		}
		for _, key := range changed.Gone {
			delete(v.tiles, key)
		}
	}
}

// states returns the states of the tiles by name.
func (v *viewer) states() map[string]string {
	v.mu.Lock()
	defer v.mu.Unlock()
	states := map[string]string{}
	for _, tile := range v.tiles {
		states[tile.Name] = string(tile.State)
	}
	return states
}

// watches returns the state of a kind.
func (v *viewer) watches(kind string) func() string {
	return func() string {
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.kinds[kind]
	}
}

func eventually(tb testing.TB) *gomega.WithT {
	tb.Helper()
	g := gomega.NewWithT(tb)
	g.SetDefaultEventuallyTimeout(patience)
	return g
}

// TestStream: the tiles follow the hub.
func TestStream(t *testing.T) {
	g := eventually(t)
	namespace := newNamespace(t)
	london := newProfile(t, namespace, "london")
	v := view(t, serve(t, env.hub.Config(), namespace))
	g.Eventually(v.states).Should(gomega.Equal(map[string]string{"london": "fine"}))
	for _, kind := range []string{kindProfiles, kindChecks, kindGrants, kindInventories} {
		g.Eventually(v.watches(kind)).Should(gomega.Equal(stateLive), kind)
	}

	check := newCheck(t, namespace, "london", v1alpha1.ReasonConnectFailed)
	g.Eventually(v.states).Should(gomega.Equal(map[string]string{"london": "unreachable"}))
	must(t, env.k8s.Delete(t.Context(), check))
	g.Eventually(v.states).Should(gomega.Equal(map[string]string{"london": "fine"}))

	newProfile(t, namespace, "paris", func(p *inventoryv1alpha1.ClusterProfile) { p.Status.Conditions[0].Status = metav1.ConditionFalse })
	g.Eventually(v.states).Should(gomega.Equal(map[string]string{"london": "fine", "paris": "unhealthy"}))
	must(t, env.k8s.Delete(t.Context(), london))
	g.Eventually(v.states).Should(gomega.Equal(map[string]string{"paris": "unhealthy"}))
	g.Eventually(func() string {
		v.mu.Lock()
		defer v.mu.Unlock()
		if len(v.status.Removals) == 0 {
			return ""
		}
		return v.status.Removals[0].Key
	}).Should(gomega.Equal(namespace + "/london"))
}

// TestRights: what may not be watched is said for its kind, the rest is shown, and rights that are granted later are used.
func TestRights(t *testing.T) {
	g := eventually(t)
	namespace := newNamespace(t)
	newProfile(t, namespace, "london")
	newCheck(t, namespace, "london", v1alpha1.ReasonConnectFailed)
	config := as(t, namespace+"-user", reading(inventoryv1alpha1.Group, "clusterprofiles"))
	v := view(t, serve(t, config, namespace))
	g.Eventually(v.states).Should(gomega.Equal(map[string]string{"london": "fine"}))
	g.Eventually(v.watches(kindChecks)).Should(gomega.Equal(stateForbidden))
	g.Eventually(v.watches(kindInventories)).Should(gomega.Equal(stateForbidden))
	g.Eventually(v.watches(kindProfiles)).Should(gomega.Equal(stateLive))

	allow(t, namespace+"-user", namespace+"-more", reading(v1alpha1.SchemeGroupVersion.Group, "spokechecks"))
	g.Eventually(v.watches(kindChecks)).Should(gomega.Equal(stateLive))
	g.Eventually(v.states).Should(gomega.Equal(map[string]string{"london": "unreachable"}))
}

// serveByPort runs a dashboard of the hub behind a port that can be closed.
func serveByPort(t *testing.T, namespace string) (*Dashboard, *apiserver.Forwarder) {
	t.Helper()
	port, err := env.hub.Forward()
	must(t, err)
	t.Cleanup(func() { _ = port.Close() })
	config := env.hub.Config()
	config.Host = port.URL()
	return serve(t, config, namespace), port
}

// TestHubGoesAway: the last state stays, with a word about it, and is updated when the hub is back.
func TestHubGoesAway(t *testing.T) {
	g := eventually(t)
	namespace := newNamespace(t)
	newProfile(t, namespace, "london")
	d, port := serveByPort(t, namespace)
	v := view(t, d)
	g.Eventually(v.states).Should(gomega.HaveKey("london"))
	must(t, port.Close())
	port.Drop()
	g.Eventually(v.watches(kindProfiles)).Should(gomega.Equal(stateAway))
	g.Expect(v.states()).To(gomega.HaveKey("london"))
	must(t, port.Reopen())
	g.Eventually(v.watches(kindProfiles)).Should(gomega.Equal(stateLive))
	newProfile(t, namespace, "paris")
	g.Eventually(v.states).Should(gomega.HaveKey("paris"))
}

// TestNothingInstalled: a hub without the APIs is shown as one.
func TestNothingInstalled(t *testing.T) {
	empty := apiserver.StartFor(t)
	g := eventually(t)
	d := serve(t, empty.Config(), "")
	v := view(t, d)
	g.Eventually(v.watches(kindProfiles)).Should(gomega.Equal(stateAbsent))
	var answer map[string]string
	fetch(t, d, "/api/hint", &answer)
	if !strings.Contains(answer["hint"], "does not serve ClusterProfiles") {
		t.Errorf("the hint is %q", answer["hint"])
	}
}

// TestLaterVersion: a hub whose CRD is installed later, in another version than the preferred one, is shown without a restart.
func TestLaterVersion(t *testing.T) {
	later := apiserver.StartFor(t)
	g := eventually(t)
	connect := func() (client.WithWatch, error) {
		return client.NewWithWatch(later.Config(), client.Options{Scheme: hub.NewSchemeFor(later.Config())})
	}
	d := serve(t, later.Config(), "", func(o *Options) { o.Connect = connect })
	v := view(t, d)
	g.Eventually(v.watches(kindProfiles)).Should(gomega.Equal(stateAbsent))
	must(t, later.Install(func(root string) ([]byte, error) {
		return os.ReadFile(filepath.Join(root, "test/apiserver/v1alpha2/multicluster.x-k8s.io_clusterprofiles.yaml"))
	}))
	g.Eventually(v.watches(kindProfiles)).Should(gomega.Equal(stateLive))
	k8s, err := connect()
	must(t, err)
	p := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "london"}}
	p.Spec.ClusterManager.Name = "test"
	must(t, k8s.Create(t.Context(), p))
	g.Eventually(v.states).Should(gomega.Equal(map[string]string{"london": "unknown"}))
}

// TestHintElsewhere: the dashboard has no -A, so its hint does not name it.
func TestHintElsewhere(t *testing.T) {
	newProfile(t, newNamespace(t), "london")
	namespace := newNamespace(t)
	d := serve(t, env.hub.Config(), namespace)
	eventually(t).Eventually(view(t, d).watches(kindProfiles)).Should(gomega.Equal(stateLive))
	var answer map[string]string
	fetch(t, d, "/api/hint", &answer)
	want := "No ClusterProfiles in the namespace " + namespace + "; without -n the dashboard shows those of "
	if !strings.HasPrefix(answer["hint"], want) {
		t.Errorf("the hint is %q", answer["hint"])
	}
}

// fetch gets JSON from the dashboard.
func fetch(t *testing.T, d *Dashboard, path string, into any) int {
	t.Helper()
	response, err := browser(t, d).Get("http://" + d.listener.Addr().String() + path)
	must(t, err)
	defer func() { must(t, response.Body.Close()) }()
	must(t, json.NewDecoder(response.Body).Decode(into))
	return response.StatusCode
}

// newInventory creates an Inventory of the name of the namespace, which publishes the Cluster london there, and not rome.
func newInventory(tb testing.TB, namespace string) {
	tb.Helper()
	inventory := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	inventory.Spec.NamespaceSelector = metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}}
	must(tb, env.k8s.Create(tb.Context(), fixture.Cluster(namespace, "london")),
		env.k8s.Create(tb.Context(), fixture.Cluster(namespace, "rome", fixture.Labels(map[string]string{v1alpha1.LabelPublish: "false"}))),
		env.k8s.Create(tb.Context(), inventory))
	newProfile(tb, namespace, "london")
}

// TestDetails: a profile and an Inventory are explained, and no Secret is read.
func TestDetails(t *testing.T) {
	g := eventually(t)
	namespace := newNamespace(t)
	newInventory(t, namespace)
	newCheck(t, namespace, "london", v1alpha1.ReasonTLSFailed)
	config := as(t, namespace+"-reader", reading(inventoryv1alpha1.Group, "*"), reading(v1alpha1.SchemeGroupVersion.Group, "*"),
		reading(clusterv1.GroupVersion.Group, "clusters"), reading(corev1.GroupName, "namespaces"))
	d := serve(t, config, namespace)
	v := view(t, d)
	g.Eventually(v.states).Should(gomega.Equal(map[string]string{"london": "unreachable"}))
	g.Eventually(v.watches(kindInventories)).Should(gomega.Equal(stateLive))

	var profile fleet.Profile
	fetch(t, d, "/api/profile?namespace="+namespace+"&name=london", &profile)
	if profile.Tile.State != fleet.Unreachable || profile.Report.Kind != "ClusterProfile" || len(profile.Conditions) != 2 ||
		len(profile.Consumers) != len(lint.Consumers) || len(profile.Report.Profiles[0].Fields) == 0 || len(profile.Commands) == 0 {
		t.Errorf("the details are %+v", profile)
	}
	if stage := profile.Check.Stages[4]; stage != (fleet.Stage{Name: "tls", Milliseconds: 11, Failed: true}) ||
		len(profile.Check.Stages) != 5 {
		t.Errorf("the fifth stage is %+v", stage)
	}
	var inventory fleet.Inventory
	fetch(t, d, "/api/inventory?name="+namespace, &inventory)
	states := map[string]explain.State{}
	for _, member := range inventory.Members {
		states[member.Cluster] = member.State
	}
	if states[namespace+"/london"] != explain.Blocked || states[namespace+"/rome"] != explain.NotSelected {
		t.Errorf("the Clusters are %v", states)
	}
	for _, path := range []string{"/api/profile?namespace=" + namespace + "&name=oslo", "/api/inventory?name=none"} {
		var answer map[string]string
		if code := fetch(t, d, path, &answer); code != http.StatusNotFound || !strings.Contains(answer["error"], "does not exist") {
			t.Errorf("%s: %d, %q", path, code, answer["error"])
		}
	}
}

// TestForeignTimes: a time of a writer that is in no year of four digits in UTC does not end the dashboard.
func TestForeignTimes(t *testing.T) {
	g := eventually(t)
	namespace := newNamespace(t)
	p := newProfile(t, namespace, "london")
	must(t, env.k8s.Status().Patch(t.Context(), p, client.RawPatch(types.JSONPatchType,
		[]byte(`[{"op": "replace", "path": "/status/conditions/0/lastTransitionTime", "value": "9999-12-31T23:59:59-01:00"}]`))))
	d := serve(t, env.hub.Config(), namespace)
	g.Eventually(view(t, d).states).Should(gomega.Equal(map[string]string{"london": "fine"}))
	var details fleet.Profile
	if code := fetch(t, d, "/api/profile?namespace="+namespace+"&name=london", &details); code != http.StatusOK {
		t.Errorf("the details are answered with %d", code)
	}
	if len(details.Conditions) != 1 || details.Conditions[0].Since != nil {
		t.Errorf("the conditions are %+v; want one without a time", details.Conditions)
	}
}

// TestNotEncodable: what cannot be encoded is an error, and no empty success.
func TestNotEncodable(t *testing.T) {
	recorder := httptest.NewRecorder()
	respond(recorder, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), nil)
	if body := recorder.Body.String(); recorder.Code != http.StatusInternalServerError || !strings.Contains(body, `{"error":"encoding:`) {
		t.Errorf("%d, %q", recorder.Code, body)
	}
}

// TestFiles: the page is served with the types that browsers require, and nothing else is.
func TestFiles(t *testing.T) {
	d := serve(t, env.hub.Config(), newNamespace(t))
	one := browser(t, d)
	for path, want := range map[string]string{
		"/":          "text/html; charset=utf-8",
		"/style.css": "text/css; charset=utf-8",
		"/main.js":   "text/javascript; charset=utf-8",
		"/icon.svg":  "image/svg+xml",
		"/page.go":   "",
		"/api/":      "",
	} {
		response, err := one.Get("http://" + d.listener.Addr().String() + path)
		must(t, err)
		must(t, response.Body.Close())
		if got := response.Header.Get("Content-Type"); want != "" && (got != want || response.StatusCode != http.StatusOK) {
			t.Errorf("%s: %s, %s", path, response.Status, got)
		} else if want == "" && response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, response.Status)
		}
	}
}
