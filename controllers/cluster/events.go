// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// eventRecorder reports, by Events on the Cluster, what could not be published and what was withdrawn: once for each change, after
// the change. There is no Event for a published profile, which is visible itself: it would be a third request for every new Cluster.
type eventRecorder struct{ recorder events.EventRecorder }

// withdrawn reports that a profile was deleted: the Cluster left the Inventory, opted out, or is gone. A consumer's finalizer may still
// hold the profile.
//
// It names the profile as the related object too: the recorder counts Events that differ only in their notes as one.
func (r eventRecorder) withdrawn(cluster *clusterv1.Cluster, live *inventoryv1alpha1.ClusterProfile) {
	r.recorder.Eventf(cluster, live, corev1.EventTypeNormal, "Withdrawn", "Withdraw",
		"Withdrew ClusterProfile %s", client.ObjectKeyFromObject(live))
}

// stray reports a problem with a profile that names no Inventory which could report it, once for each start of the publisher: mostly
// ProvenanceChanged, or why the profile of a Cluster that is gone could not be deleted.
func (r eventRecorder) stray(live *inventoryv1alpha1.ClusterProfile, p profile.Problem) {
	r.recorder.Eventf(live, nil, corev1.EventTypeWarning, p.Reason, "Withdraw", "%s", p.Message)
}

// problems reports any problem of an Inventory with the Cluster, once for each change. All problems of one reason are in one Event.
//
// They have the same cause, and several Inventories may have the same problem.
func (r eventRecorder) problems(cluster *clusterv1.Cluster, added []profile.Problem) {
	notes := map[string][]string{}
	var reasons []string
	for _, p := range added {
		if notes[p.Reason] == nil {
			reasons = append(reasons, p.Reason)
		}
		if !slices.Contains(notes[p.Reason], p.Message) {
			notes[p.Reason] = append(notes[p.Reason], p.Message)
		}
	}
	for _, reason := range reasons {
		note := profile.Bound(strings.Join(notes[reason], "; "))
		r.recorder.Eventf(cluster, nil, corev1.EventTypeWarning, reason, "Publish", "%s", note)
	}
}
