// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

// visibilityRules are about whether the consumer reads the profile at all.
var visibilityRules = []rule{
	{
		consumers: []Consumer{Headlamp},
		name:      "namespace",
		verdict:   NotVisible,
		check:     visible,
		remedy:    "publish the member into that namespace too, or start Headlamp with --cluster-inventory-namespaces",
		source:    sourceHeadlamp,
	},
	{
		consumers: []Consumer{ArgoCD},
		name:      "namespace",
		verdict:   NotVisible,
		check:     visible,
		remedy:    "publish the member into Argo CD's namespace too: it reads cluster Secrets in no other",
		source:    sourceArgo,
	},
	{
		consumers: []Consumer{Kueue},
		name:      "namespace",
		verdict:   NotVisible,
		check:     visible,
		remedy:    "publish the member into Kueue's namespace too: MultiKueue reads no other",
		source:    sourceKueue,
	},
	{
		consumers: []Consumer{Headlamp},
		name:      "ignored",
		verdict:   NotVisible,
		check:     notIgnored,
		remedy:    "remove the label from the profile, or from the Cluster that it was copied from",
		source:    sourceChart,
	},
	{
		consumers: gated,
		name:      "healthy",
		verdict:   No,
		check:     isHealthy,
		remedy:    "the cluster manager must report a healthy control plane; for a Cluster, see: kubectl inventory explain",
		source:    sourceKnative + "; " + sourceRuntime,
	},
	{
		consumers: []Consumer{Headlamp},
		name:      "unhealthy",
		verdict:   Partly,
		check:     notUnhealthy,
		remedy:    "repair the control plane; the cluster is shown as unhealthy even if it is reachable",
		source:    "headlamp, frontend/src/components/App/Home/ClusterInventory",
	},
}
