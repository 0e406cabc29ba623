// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// backup holds the objects of a stage, as tools save them that back a hub up object by object.
type backup struct {
	clusters    []clusterv1.Cluster
	secrets     []corev1.Secret
	inventories map[string]*v1alpha1.Inventory
	profiles    []client.Object
}

func (s *stage) save(t *testing.T) *backup {
	t.Helper()
	saved := &backup{inventories: s.inventories(t)}
	for _, namespace := range s.clusters {
		var clusters clusterv1.ClusterList
		var secrets corev1.SecretList
		must(t, hub.List(t.Context(), &clusters, client.InNamespace(namespace)))
		must(t, hub.List(t.Context(), &secrets, client.InNamespace(namespace)))
		saved.clusters, saved.secrets = append(saved.clusters, clusters.Items...), append(saved.secrets, secrets.Items...)
	}
	for _, live := range s.profiles(t) {
		saved.profiles = append(saved.profiles, live)
	}
	return saved
}

// restore creates the objects of a backup on a hub that has none of them: they get new UIDs, and what the API server says of who wrote
// them is about the tool that restores them.
func (s *stage) restore(t *testing.T, saved *backup, profilesToo bool) {
	t.Helper()
	for i := range saved.clusters {
		cluster := saved.clusters[i].DeepCopy()
		birth := s.births[cluster.UID]
		create(t, cluster)
		// Its kubeconfig leads to the same cluster as before.
		s.births[cluster.UID] = birth
		cluster.Status = saved.clusters[i].Status
		must(t, hub.Status().Update(t.Context(), cluster))
	}
	for i := range saved.secrets {
		create(t, saved.secrets[i].DeepCopy())
	}
	for _, inventory := range saved.inventories {
		create(t, inventory.DeepCopy())
	}
	if !profilesToo {
		return
	}
	for _, profile := range saved.profiles {
		create(t, profile)
	}
}

// create creates an object that was read from a hub.
func create(t *testing.T, object client.Object) {
	t.Helper()
	object.SetUID("")
	object.SetResourceVersion("")
	object.SetManagedFields(nil)
	must(t, hub.Create(t.Context(), object, client.FieldOwner("backup")))
}

// TestObjectsAreRestored restores a hub object by object, as docs/operations.md says, without profiles; and with them, against its advice:
// they are nobody's, reported, and in the way until they are deleted.
func TestObjectsAreRestored(t *testing.T) {
	for name, profilesToo := range map[string]bool{"AsDocumented": false, "WithProfiles": true} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			random := newChurn(t, s)
			for range 40 {
				random.step(t)
			}
			random.calm(t)
			p := newProgram()
			p.start(t, s, server.Config())
			p.eventually(t, func() []string { return s.audit(t) })
			p.stop()
			saved := s.save(t)
			s.remove(t)
			eventually(t, func() []string { return s.left(t) })

			s.restore(t, saved, profilesToo)
			p.start(t, s, server.Config())
			if profilesToo {
				p.eventually(t, func() []string { return s.reported(t, saved, v1alpha1.ProblemForeignProfile) })
				for _, profile := range saved.profiles {
					must(t, hub.Delete(t.Context(), profile))
				}
			}
			p.eventually(t, func() []string { return s.audit(t) })
			if found := p.leaks(t); len(found) > 0 {
				t.Errorf("%q", found)
			}
		})
	}
}

// left returns what of the stage is still on the hub.
func (s *stage) left(t *testing.T) (found []string) {
	t.Helper()
	saved := s.save(t)
	for name := range saved.inventories {
		found = append(found, name)
	}
	for _, profile := range saved.profiles {
		found = append(found, profile.GetName())
	}
	for i := range saved.clusters {
		found = append(found, saved.clusters[i].Name)
	}
	return found
}

// reported returns the profiles of a backup that were touched, or are not reported for the reason.
func (s *stage) reported(t *testing.T, saved *backup, reason string) (faults []string) {
	t.Helper()
	now := s.profiles(t)
	problems := ""
	for _, inventory := range s.inventories(t) {
		for _, problem := range inventory.Status.Problems {
			if problem.Reason == reason {
				problems += problem.Message + "\n"
			}
		}
	}
	for _, profile := range saved.profiles {
		key := client.ObjectKeyFromObject(profile)
		if live := now[key]; live == nil || live.ResourceVersion != profile.GetResourceVersion() {
			faults = append(faults, fmt.Sprintf("%s: was touched", key))
		}
		if !strings.Contains(problems, key.String()) {
			faults = append(faults, fmt.Sprintf("%s: is not reported", key))
		}
	}
	return faults
}
