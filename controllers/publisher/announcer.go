// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

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

// announcer reports, by Events on the Cluster, what could not be published and what was withdrawn: once for each change, after
// the change. That a profile was published is said by the profile; an Event beside it would be a third request for every new
// Cluster.
type announcer struct{ recorder events.EventRecorder }

// withdrawn names the profile as the related object too: the recorder counts Events that differ in their notes alone as one.
func (a announcer) withdrawn(cluster *clusterv1.Cluster, live *inventoryv1alpha1.ClusterProfile) {
	a.recorder.Eventf(cluster, live, corev1.EventTypeNormal, "Withdrawn", "Withdraw",
		"Withdrew ClusterProfile %s", client.ObjectKeyFromObject(live))
}

// stray reports a problem with a profile that names no Inventory which could report it.
func (a announcer) stray(live *inventoryv1alpha1.ClusterProfile, p profile.Problem) {
	a.recorder.Eventf(live, nil, corev1.EventTypeWarning, p.Reason, "Withdraw", "%s", p.Message)
}

// problems reports all problems of one reason in one Event, for the same cause. Several Inventories may have one and the same.
func (a announcer) problems(cluster *clusterv1.Cluster, fresh []profile.Problem) {
	notes := map[string][]string{}
	var reasons []string
	for _, p := range fresh {
		if notes[p.Reason] == nil {
			reasons = append(reasons, p.Reason)
		}
		if !slices.Contains(notes[p.Reason], p.Message) {
			notes[p.Reason] = append(notes[p.Reason], p.Message)
		}
	}
	for _, reason := range reasons {
		a.recorder.Eventf(cluster, nil, corev1.EventTypeWarning, reason, "Publish", "%s", profile.Bound(strings.Join(notes[reason], "; ")))
	}
}
