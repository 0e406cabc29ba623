// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e is the end-to-end suite. It runs stories on a real hub: Cluster API's own managers, real kubelets, and our images,
// installed by our chart.
// What an API server alone can show is tested elsewhere, and faster; here is what needs all of them together.
//
//	make test-e2e                            # every story
//	make test-e2e E2E='-run TestPausing'     # one; any flag of go test will do
//
// It needs Go, a Docker engine with room for four nodes of kind, and kubectl; the other tools are built. (Nodes that do not come
// up because of "too many open files" want fs.inotify.max_user_instances=512.) The suite makes a kind cluster and installs Cluster API
// with clusterctl, unless it is given a hub. It builds the images, loads them into the hub, installs the chart into
// capi-inventory-system, runs the stories, and removes everything again. Something left behind fails the run, as a failed
// story does; so does a hub on which somebody else has installed us. What a run that was cut short has left, the next removes.
//
//	E2E_HUB_KUBECONFIG  a kind hub with Cluster API (core, kubeadm, docker): it is used, and only what the suite made is removed
//	KIND_IMAGE          the node image of the hub and of Docker workload clusters; kind's own where empty
//	E2E_KEEP            keep everything in the end, to look around; the next run begins by removing it
//	E2E_ARTIFACTS       where logs, objects and Events go when a story fails: _artifacts/e2e, from the root of the repository
//
// # Writing a story
//
// One story is one file, named after what happens in it, with one test. The build tag e2e is on every file but this one.
//
//	func TestPausing(t *testing.T) {
//		t.Parallel()
//		g := NewWithT(t)
//		spoke := newSpoke(t, docker("pausing"))
//		spoke.waitAvailable(t)
//		step(t, "Pausing %s", spoke)
//		...
//		g.Eventually(func(g Gomega) {
//			g.Expect(spoke.profile(g).Status.Conditions).To(have(healthy, metav1.ConditionUnknown, v1alpha1.ReasonPaused))
//		}).Should(Succeed())
//	}
//
// sharedSpoke is a workload cluster on Docker that is made once: any story may read it and no story may disturb it. newSpoke
// makes one for the story alone, in a namespace of its own, and removes both when it has ended; on Docker, where a real kubelet
// or API server matters, else inMemory, which costs nothing but authenticates nobody. newNamespace and newInventory make what
// their names say and remove it. k8s sees the hub without a cache; spoke.client sees a spoke, as its administrator.
//
// The Inventory default publishes every Cluster of the suite beside itself. A story that wants another one selects its own
// spoke with spoke.namespaceSelector.
//
// A story that disturbs all others (it restarts or upgrades what is installed) does not call t.Parallel. Such stories go
// first, one at a time, while the shared spoke comes up; each leaves the product installed as it was found. sharedFleet is
// theirs: Clusters in memory that are made once. product.putBack installs again what a story has uninstalled.
//
// Progress is printed with step, one line for each thing that happens. State is asserted, with
// Eventually and a reason for any time-out of its own; nothing sleeps.
package e2e
