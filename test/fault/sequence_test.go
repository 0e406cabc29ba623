// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
)

// TestSequences plays random operations of the hub, of spokes and of other writers, and compares the hub with the model after each.
// A failure prints the seed, and the shortest sequence that was found.
func TestSequences(t *testing.T) {
	// The quick run has the same sequences every time.
	for name, value := range map[string]string{
		"rapid.checks":     fmt.Sprint(either(200, 3)),
		"rapid.steps":      fmt.Sprint(either(20, 12)),
		"rapid.seed":       fmt.Sprint(either(0, 1)),
		"rapid.nofailfile": "true",
	} {
		given := false
		flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
		if !given {
			if err := flag.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := newSequence(t)
		t.Repeat(s.actions())
		if s.down {
			s.restart(t)
		}
		s.compare(t)
		s.program.eventually(t, func() []string { return s.stage.audit(t) })
		if found := s.program.leaks(t); len(found) > 0 {
			t.Fatalf("%q", found)
		}
	})
}

// sequence is a stage, a publisher and the model of what it publishes.
type sequence struct {
	stage   *stage
	program *program
	model   *model
	// down says that the publisher does not run.
	down bool
}

func newSequence(t *rapid.T) *sequence {
	t.Helper()
	s := &sequence{stage: newStage(t), program: newProgram(), model: &model{
		clusters:    map[types.NamespacedName]*modelCluster{},
		inventories: map[string]*modelInventory{},
		profiles:    map[types.NamespacedName]*modelProfile{},
		foreign:     map[types.NamespacedName]bool{},
		missing:     map[string]bool{},
	}}
	s.model.missing[s.stage.late] = true
	s.stage.createMarker(t)
	s.setInventory(t)
	s.createCluster(t)
	s.createCluster(t)
	s.restart(t)
	return s
}

func (s *sequence) restart(t *rapid.T) {
	t.Helper()
	s.program.start(t, s.stage, server.Config(), s.stage.markerKey().Namespace)
	s.down = false
}

// compare compares the hub with the model when the publisher has caught up.
func (s *sequence) compare(t *rapid.T) {
	t.Helper()
	if s.down {
		return
	}
	s.stage.caughtUp(t, s.program)
	defer func() {
		if t.Failed() {
			t.Logf("the publisher logged:\n%s", s.program.logs.String())
		}
	}()
	s.program.eventually(t, func() []string { return s.model.compare(t, s.stage) })
	s.model.settled(t, s.stage)
}

func (s *sequence) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":                     s.compare,
		"create a Cluster":     s.createCluster,
		"delete a Cluster":     s.deleteCluster,
		"edit Clusters":        s.editClusters,
		"change kubeconfigs":   s.changeKubeconfigs,
		"set an Inventory":     s.setInventory,
		"edit an Inventory":    s.setInventory,
		"delete an Inventory":  s.deleteInventory,
		"create a namespace":   s.createNamespace,
		"change profiles":      s.changeProfiles,
		"delete a profile":     s.deleteProfile,
		"take a name":          s.takeName,
		"stop or start":        s.stopOrStart,
		"edit and change both": s.editWhileChanged,
	}
}

// cluster draws one of the few Clusters that there may be.
func (s *sequence) cluster(t *rapid.T) types.NamespacedName {
	return types.NamespacedName{
		Namespace: rapid.SampledFrom(s.stage.clusters[:]).Draw(t, "namespace"),
		Name:      rapid.SampledFrom([]string{"c1", "c2"}).Draw(t, "cluster"),
	}
}

// existing draws some of the Clusters that there are.
func (s *sequence) existing(t *rapid.T) []types.NamespacedName {
	var found []types.NamespacedName
	for _, namespace := range s.stage.clusters {
		for _, name := range []string{"c1", "c2"} {
			key := types.NamespacedName{Namespace: namespace, Name: name}
			if s.model.clusters[key] != nil && rapid.Bool().Draw(t, namespace+"/"+name) {
				found = append(found, key)
			}
		}
	}
	return found
}

func (s *sequence) createCluster(t *rapid.T) {
	key, state := s.cluster(t), drawCluster(t)
	if s.model.unsettled() {
		t.Skip("another writer's change is not restored")
	}
	if s.model.clusters[key] != nil {
		s.stage.deleteCluster(t, key)
	}
	s.model.clusters[key] = &modelCluster{clusterState: state, uid: s.stage.createCluster(t, key, state)}
	s.changeKubeconfig(t, key)
}

func drawCluster(t *rapid.T) clusterState {
	return clusterState{
		env:     rapid.SampledFrom([]string{"production", "test"}).Draw(t, "env"),
		version: fmt.Sprintf("v1.%d.0", rapid.IntRange(30, 36).Draw(t, "minor")),
		optOut:  rapid.IntRange(0, 4).Draw(t, "optOut") == 4,
		paused:  rapid.IntRange(0, 4).Draw(t, "paused") == 4,
		healthy: rapid.Bool().Draw(t, "healthy"),
	}
}

func (s *sequence) deleteCluster(t *rapid.T) {
	key := s.cluster(t)
	if s.model.clusters[key] == nil || s.model.unsettled() {
		t.Skip("no such Cluster, or another writer's change is not restored")
	}
	s.stage.deleteCluster(t, key)
	delete(s.model.clusters, key)
}

func (s *sequence) editClusters(t *rapid.T) {
	if s.model.unsettled() {
		t.Skip("another writer's change is not restored")
	}
	for _, key := range s.existing(t) {
		state := drawCluster(t)
		s.stage.editCluster(t, key, state)
		s.model.clusters[key].clusterState = state
	}
}

func (s *sequence) changeKubeconfigs(t *rapid.T) {
	for _, key := range s.existing(t) {
		s.changeKubeconfig(t, key)
	}
}

func (s *sequence) changeKubeconfig(t *rapid.T, key types.NamespacedName) {
	t.Helper()
	cluster := s.model.clusters[key]
	cluster.server = ""
	switch rapid.SampledFrom([]string{"good", "good", "good", "broken", "missing"}).Draw(t, "kubeconfig") {
	case "good":
		cluster.server = s.stage.serverOf(key, cluster.uid)
		s.stage.setKubeconfig(t, key, kubeconfig(key.Name, cluster.server))
	case "broken":
		s.stage.setKubeconfig(t, key, broken)
	default:
		s.stage.setKubeconfig(t, key, nil)
	}
}

func (s *sequence) setInventory(t *rapid.T) {
	name := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "inventory")
	state := inventoryState{
		into:       rapid.SampledFrom([]string{"", s.stage.shared, s.stage.late}).Draw(t, "into"),
		production: rapid.IntRange(0, 3).Draw(t, "production") == 3,
		invalid:    rapid.IntRange(0, 3).Draw(t, "invalid") == 3,
		set:        rapid.SampledFrom([]string{"", "one", "two"}).Draw(t, "set"),
	}
	if s.model.unsettled() {
		t.Skip("another writer's change is not restored")
	}
	created := s.stage.setInventory(t, name, state)
	s.model.inventories[name] = &modelInventory{inventoryState: state, created: created}
}

func (s *sequence) deleteInventory(t *rapid.T) {
	name := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "inventory")
	if s.model.inventories[name] == nil || s.model.unsettled() || s.down {
		t.Skip("no such Inventory, nobody to release it, or another writer's change is not restored")
	}
	s.stage.deleteInventory(t, name)
	delete(s.model.inventories, name)
}

func (s *sequence) createNamespace(t *rapid.T) {
	// Seldom, because nothing takes it away again: most of what is to be tested happens while it is missing.
	if !s.model.missing[s.stage.late] || rapid.IntRange(0, 3).Draw(t, "create") != 3 {
		t.Skip("there already, or not yet")
	}
	must(t, hub.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.stage.late}}))
	s.model.missing[s.stage.late] = false
}

// changeProfiles has another writer change profiles: what is the publisher's is restored, what is the writer's stays.
func (s *sequence) changeProfiles(t *rapid.T) {
	for _, key := range s.model.written() {
		profile := s.model.profiles[key]
		switch rapid.SampledFrom([]string{"", "mark", "forge", "server", "proxy"}).Draw(t, key.String()) {
		case "mark":
			profile.mark = fmt.Sprintf("m%d", len(s.stage.births))
			profile.markUID = mark(t, key, profile.mark)
		case "forge":
			forge(t, key, rapid.SampledFrom(forgeable).Draw(t, "label"), rapid.Bool().Draw(t, "remove"))
			profile.forged = true
		case "server":
			tamper(t, key, false)
			profile.tampered = true
		case "proxy":
			tamper(t, key, true)
			// Whether what is left of a last good access stays is the publisher's choice.
			profile.forged, profile.servers = true, append(slices.Clone(profile.servers), "")
		}
	}
}

// editWhileChanged has the hub and another writer act at once.
func (s *sequence) editWhileChanged(t *rapid.T) {
	s.changeProfiles(t)
	for _, profile := range s.model.profiles {
		// The publisher may have restored the access before it loses the kubeconfig, or not.
		if profile.tampered {
			profile.tampered, profile.forged = false, true
			profile.servers = append(slices.Clone(profile.servers), "")
		}
	}
	s.changeKubeconfigs(t)
}

func (s *sequence) deleteProfile(t *rapid.T) {
	keys := s.model.written()
	if len(keys) == 0 {
		t.Skip("nothing is published")
	}
	key := rapid.SampledFrom(keys).Draw(t, "profile")
	s.stage.deleteProfile(t, key)
	delete(s.model.profiles, key)
}

// takeName creates a profile of another manager under a name that a Cluster may want, or removes it.
func (s *sequence) takeName(t *rapid.T) {
	key := profileOf(s.cluster(t), rapid.SampledFrom([]string{"", s.stage.shared}).Draw(t, "into"))
	switch {
	case s.model.foreign[key]:
		s.stage.deleteProfile(t, key)
		delete(s.model.foreign, key)
	case s.model.profiles[key] != nil || s.model.next()[key] != nil:
		t.Skip("published")
	default:
		s.stage.createForeign(t, key)
		s.model.foreign[key] = true
	}
}

func (s *sequence) stopOrStart(t *rapid.T) {
	if s.down {
		s.restart(t)
		return
	}
	s.program.stop()
	s.down = true
}
