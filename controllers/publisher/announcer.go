// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package publisher

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/internal/profile"
)

// announcer tells a Cluster's owner, by Events on the Cluster, what went amiss and what was withdrawn: once for each change,
// after the change. That a profile was published is told by the profile; an Event beside it would be a third request for
// every new Cluster.
type announcer struct{ recorder events.EventRecorder }

func (a announcer) withdrawn(cluster *clusterv1.Cluster, key types.NamespacedName) {
	a.recorder.Eventf(cluster, nil, corev1.EventTypeNormal, "Withdrawn", "Withdraw",
		"Withdrew ClusterProfile %s", key)
}

func (a announcer) problems(cluster *clusterv1.Cluster, fresh []profile.Problem) {
	for _, p := range fresh {
		a.recorder.Eventf(cluster, nil, corev1.EventTypeWarning, p.Reason, "Publish", "%s", p.Message)
	}
}
