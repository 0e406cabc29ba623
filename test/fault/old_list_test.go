// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// lag stands before the API server, as a member of a highly available control plane that lags behind: its lists of one kind are of an
// earlier time, and watches of that kind wait until it has caught up. It has no streaming lists, which are never old.
type lag struct {
	mu sync.Mutex
	// lists are the first ones that were read, by their path.
	lists map[string]*httptest.ResponseRecorder
	// kind is the end of the paths of the kind; empty while nothing lags.
	kind string
	// caughtUp is closed when the member has caught up.
	caughtUp chan struct{}
	// waiting counts the watches that wait.
	waiting atomic.Int64
}

func (l *lag) handle(w http.ResponseWriter, r *http.Request, next http.Handler) {
	query := r.URL.Query()
	switch {
	case query.Has("sendInitialEvents"):
		refuse(w, apierrors.NewInvalid(schema.GroupKind{Kind: "ListOptions"}, "", nil))
	case query.Has("watch"):
		if l.wait(r) {
			next.ServeHTTP(w, r)
		}
	case query.Get("resourceVersion") == "0":
		l.list(w, r, next)
	default:
		next.ServeHTTP(w, r)
	}
}

// wait reports whether to pass a watch on, when it is time to.
func (l *lag) wait(r *http.Request) bool {
	l.mu.Lock()
	behind, caughtUp := l.isBehind(r), l.caughtUp
	l.mu.Unlock()
	if !behind {
		return true
	}
	l.waiting.Add(1)
	select {
	case <-caughtUp:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (l *lag) isBehind(r *http.Request) bool {
	return l.kind != "" && strings.HasSuffix(r.URL.Path, l.kind)
}

// list answers with the first list of the path, if the kind lags behind.
func (l *lag) list(w http.ResponseWriter, r *http.Request, next http.Handler) {
	l.mu.Lock()
	first, behind := l.lists[r.URL.Path], l.isBehind(r)
	l.mu.Unlock()
	if !behind || first == nil {
		first = httptest.NewRecorder()
		next.ServeHTTP(first, r)
		l.mu.Lock()
		if l.lists[r.URL.Path] == nil {
			l.lists[r.URL.Path] = first
		}
		l.mu.Unlock()
	}
	for name, values := range first.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(first.Code)
	_, _ = bytes.NewReader(first.Body.Bytes()).WriteTo(w)
}

func (l *lag) begin(kind string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kind, l.caughtUp = kind, make(chan struct{})
}

func (l *lag) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kind = ""
	close(l.caughtUp)
}

// TestOldLists starts a publisher at an API server whose lists of one kind are old. Whatever it makes of them, it withdraws no profile that
// the present objects want.
func TestOldLists(t *testing.T) {
	for name, tc := range map[string]struct {
		kind string
		// before prepares what the old lists show, and after what there is now.
		before, after func(t *testing.T, s *stage, cluster types.NamespacedName)
	}{
		"InventorySelectedLess": {
			kind: "/inventories",
			before: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.setInventory(t, "a", inventoryState{production: true})
				s.createCluster(t, cluster, clusterState{env: "test", version: "v1.36.1"})
			},
			after: func(t *testing.T, s *stage, _ types.NamespacedName) {
				t.Helper()
				s.setInventory(t, "a", inventoryState{})
			},
		},
		"InventoryAskedForNoAccess": {
			kind: "/inventories",
			before: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.setInventory(t, "a", inventoryState{})
				uid := s.createCluster(t, cluster, clusterState{version: "v1.36.1"})
				s.setKubeconfig(t, cluster, kubeconfig(cluster.Name, s.serverOf(cluster, uid)))
			},
			after: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.askForAccess(t, "a", cluster.Namespace)
			},
		},
		"OlderInventorySelectedLess": {
			kind: "/inventories",
			before: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.setInventory(t, "a", inventoryState{production: true})
				s.setInventory(t, "b", inventoryState{})
				uid := s.createCluster(t, cluster, clusterState{env: "test", version: "v1.36.1"})
				s.setKubeconfig(t, cluster, kubeconfig(cluster.Name, s.serverOf(cluster, uid)))
			},
			after: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.setInventory(t, "a", inventoryState{})
				s.askForAccess(t, "a", cluster.Namespace)
			},
		},
		"InventoryPublishedElsewhere": {
			kind: "/inventories",
			before: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.setInventory(t, "a", inventoryState{into: s.shared})
				s.createCluster(t, cluster, clusterState{version: "v1.36.1"})
			},
			after: func(t *testing.T, s *stage, _ types.NamespacedName) {
				t.Helper()
				s.setInventory(t, "a", inventoryState{})
			},
		},
		"ClusterHadAnotherLabel": {
			kind: "/clusters",
			before: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.setInventory(t, "a", inventoryState{production: true})
				s.createCluster(t, cluster, clusterState{env: "test", version: "v1.36.1"})
			},
			after: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.editCluster(t, cluster, clusterState{env: "production", version: "v1.36.1"})
			},
		},
		"ClusterHadOptedOut": {
			kind: "/clusters",
			before: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.setInventory(t, "a", inventoryState{})
				s.createCluster(t, cluster, clusterState{optOut: true, version: "v1.36.1"})
			},
			after: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.editCluster(t, cluster, clusterState{version: "v1.36.1"})
			},
		},
		"ClusterOfTheNameWasAnother": {
			kind: "/clusters",
			before: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.setInventory(t, "a", inventoryState{})
				s.createCluster(t, cluster, clusterState{version: "v1.36.1"})
			},
			after: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.deleteCluster(t, cluster)
				s.createCluster(t, cluster, clusterState{version: "v1.36.1"})
			},
		},
		"NamespaceHadNoLabel": {
			kind: "/namespaces",
			before: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				spec := v1alpha1.InventorySpec{PublisherClass: s.name}
				spec.NamespaceSelector.MatchLabels = map[string]string{"stage": s.name}
				must(t, hub.Create(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: s.name + "-a"}, Spec: spec}))
				s.createCluster(t, cluster, clusterState{version: "v1.36.1"})
			},
			after: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				label := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"labels":{"stage":%q}}}`, s.name))
				must(t, hub.Patch(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: cluster.Namespace}}, label))
			},
		},
		"SecretWasOfAnEarlierCluster": {
			kind: "/secrets",
			before: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.setInventory(t, "a", inventoryState{})
				uid := s.createCluster(t, cluster, clusterState{version: "v1.36.1"})
				s.setKubeconfig(t, cluster, kubeconfig(cluster.Name, s.serverOf(cluster, uid)))
			},
			after: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.deleteCluster(t, cluster)
				s.createCluster(t, cluster, clusterState{version: "v1.36.1"})
			},
		},
		"NoProfiles": {
			kind: "/clusterprofiles",
			before: func(t *testing.T, s *stage, cluster types.NamespacedName) {
				t.Helper()
				s.createCluster(t, cluster, clusterState{version: "v1.36.1"})
			},
			after: func(t *testing.T, s *stage, _ types.NamespacedName) {
				t.Helper()
				s.setInventory(t, "a", inventoryState{})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.createMarker(t)
			cluster := types.NamespacedName{Namespace: s.clusters[0], Name: "c1"}
			member := &lag{lists: map[string]*httptest.ResponseRecorder{}}
			gate, p := newGateway(t, member.handle), newProgram()
			tc.before(t, s, cluster)
			p.start(t, s, gate.connection(), s.markerKey().Namespace)
			p.eventually(t, func() []string { return s.audit(t) })
			s.caughtUp(t, p)
			tc.after(t, s, cluster)
			p.eventually(t, func() []string { return s.auditPublished(t, cluster) })
			p.stop()

			present, grants := s.profiles(t), s.grants(t, cluster.Namespace)
			member.begin(tc.kind)
			p.start(t, s, gate.connection(), s.markerKey().Namespace)
			p.eventually(t, func() []string {
				if member.waiting.Load() == 0 {
					return []string{"the publisher has not read the old list"}
				}
				return nil
			})
			if tc.kind != "/clusterprofiles" {
				s.passedMarker(t, p, tc.kind == "/clusters")
			}
			member.end()
			p.eventually(t, func() []string { return s.audit(t) })
			for key, live := range s.profiles(t) {
				if was := present[key]; was != nil && was.UID != live.UID {
					t.Errorf("%s was withdrawn, and published again", key)
				}
			}
			if diff := cmp.Diff(grants, s.grants(t, cluster.Namespace)); diff != "" {
				t.Errorf("the access was revoked, and asked for again: -before +after\n%s", diff)
			}
		})
	}
}

// askForAccess has an Inventory ask for scoped access, and waits until the publisher does so.
func (s *stage) askForAccess(t *testing.T, inventory, namespace string) {
	t.Helper()
	access := client.RawPatch(types.MergePatchType,
		[]byte(`{"spec":{"accessProviders":[{"name":"reader","serviceAccount":{"clusterRoles":["view"]}}]}}`))
	must(t, hub.Patch(t.Context(), &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: s.name + "-" + inventory}}, access))
	eventually(t, func() []string {
		if len(s.grants(t, namespace)) == 0 {
			return []string{"no access is asked for"}
		}
		return nil
	})
}

// grants returns the UIDs of the AccessGrants in a namespace.
func (s *stage) grants(t *testing.T, namespace string) (uids []types.UID) {
	t.Helper()
	var list v1alpha1.AccessGrantList
	must(t, hub.List(t.Context(), &list, client.InNamespace(namespace)))
	for i := range list.Items {
		uids = append(uids, list.Items[i].UID)
	}
	return uids
}

// auditPublished is an audit that also misses a profile of the Cluster beside it.
func (s *stage) auditPublished(t *testing.T, cluster types.NamespacedName) []string {
	t.Helper()
	if s.profiles(t)[cluster] == nil {
		return []string{fmt.Sprintf("%s: missing", cluster)}
	}
	return s.audit(t)
}

// passedMarker waits until the publisher has published a change of the marker, be it of its kubeconfig or of its Cluster: everything that
// it has read when it started is dealt with by then.
func (s *stage) passedMarker(t *testing.T, p *program, byKubeconfig bool) {
	t.Helper()
	s.writes++
	address, version := fmt.Sprintf("https://%d.marker.example.com:6443", s.writes), fmt.Sprintf("v1.%d.0", s.writes)
	if byKubeconfig {
		s.setKubeconfig(t, s.markerKey(), kubeconfig(marker, address))
	} else {
		s.editCluster(t, s.markerKey(), clusterState{version: version, healthy: true})
	}
	p.eventually(t, func() []string {
		profile := &inventoryv1alpha1.ClusterProfile{}
		must(t, hub.Get(t.Context(), s.markerKey(), profile))
		if serverIn(profile) != address && profile.Status.Version.Kubernetes != version {
			return []string{"the publisher has not followed the marker"}
		}
		return nil
	})
}
