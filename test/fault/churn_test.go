// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

var seed = flag.Uint64("fault.seed", 1, "seed of the random operations; 0 for a random one")

// newRandom returns a source of random numbers whose seed is printed.
func newRandom(t *testing.T) *rand.Rand {
	t.Helper()
	value := *seed
	if value == 0 {
		value = rand.Uint64()
	}
	t.Logf("-fault.seed=%d", value)
	return rand.New(rand.NewPCG(value, value))
}

// churn changes a stage at random, no matter what its publisher does meanwhile.
type churn struct {
	*stage
	*rand.Rand
	uids map[types.NamespacedName]types.UID
}

func newChurn(t *testing.T, s *stage) *churn {
	t.Helper()
	c := &churn{stage: s, Rand: newRandom(t), uids: map[types.NamespacedName]types.UID{}}
	c.setInventory(t, "a", inventoryState{})
	c.setInventory(t, "b", inventoryState{into: s.shared})
	return c
}

// step carries out one operation.
func (c *churn) step(t *testing.T) {
	t.Helper()
	key := types.NamespacedName{Namespace: c.clusters[c.IntN(2)], Name: fmt.Sprintf("c%d", c.IntN(5))}
	if uid := c.uids[key]; uid != "" {
		c.change(t, key, uid)
		return
	}
	c.uids[key] = c.createCluster(t, key, c.state())
	c.setKubeconfig(t, key, kubeconfig(key.Name, c.serverOf(key, c.uids[key])))
}

func (c *churn) change(t *testing.T, key types.NamespacedName, uid types.UID) {
	t.Helper()
	switch profile := c.profileOf(key); c.IntN(16) {
	case 0:
		c.deleteCluster(t, key)
		delete(c.uids, key)
	case 1, 2:
		c.editCluster(t, key, c.state())
	case 3:
		c.setKubeconfig(t, key, broken)
	case 4:
		c.setKubeconfig(t, key, nil)
	case 5, 6, 7:
		c.setKubeconfig(t, key, kubeconfig(key.Name, c.serverOf(key, uid)))
	case 8:
		c.setInventory(t, c.pick("a", "b"), inventoryState{
			into: c.pick("", c.shared), production: c.IntN(4) == 0, invalid: c.IntN(4) == 0, set: c.pick("one", "two"),
		})
	case 9:
		forge(t, profile, c.pick("env", v1alpha1.LabelInventoryMemberID, inventoryv1alpha1.LabelClusterManagerKey), c.IntN(2) == 0)
	case 10:
		tamper(t, profile, c.IntN(2) == 0)
	case 11:
		mark(t, profile, fmt.Sprintf("m%d", c.IntN(100)))
	case 12:
		c.deleteProfile(t, profile)
	default:
		c.deleteCluster(t, key)
		c.uids[key] = c.createCluster(t, key, c.state())
		c.setKubeconfig(t, key, kubeconfig(key.Name, c.serverOf(key, c.uids[key])))
	}
}

// calm ends with Inventories that can publish every Cluster.
func (c *churn) calm(t *testing.T) {
	t.Helper()
	c.setInventory(t, "a", inventoryState{set: "calm"})
	c.setInventory(t, "b", inventoryState{into: c.shared, set: "calm"})
}

// profileOf is a profile that a Cluster may have.
func (c *churn) profileOf(cluster types.NamespacedName) types.NamespacedName {
	return profileOf(cluster, c.pick("", c.shared))
}

func (c *churn) pick(of ...string) string { return of[c.IntN(len(of))] }

func (c *churn) state() clusterState {
	return clusterState{
		env:     c.pick("production", "test"),
		version: fmt.Sprintf("v1.%d.0", 30+c.IntN(7)),
		optOut:  c.IntN(10) == 0,
		paused:  c.IntN(10) == 0,
		healthy: c.IntN(4) > 0,
	}
}
