// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

import "slices"

// Consumers that a rule applies to.
var (
	// readers are all consumers, without the conformance suite.
	readers = []Consumer{Headlamp, ArgoCD, Kueue, Sveltos, Knative, MulticlusterRuntime}
	// library are those that dial the configuration that cluster-inventory-api's pkg/access v0.1.3 builds from a profile. Sveltos
	// does if it does not copy a kubeconfig.
	library = []Consumer{Headlamp, Kueue, Sveltos, Knative, MulticlusterRuntime}
	// gated are those that wait for the profile to be healthy.
	gated = []Consumer{Knative, MulticlusterRuntime}
	// everywhere are those that read all namespaces.
	everywhere = []Consumer{Sveltos, MulticlusterRuntime}
	suite      = []Consumer{Conformance}
)

// The sources of rules.
const (
	sourceLibrary  = "cluster-inventory-api v0.1.3, pkg/access/config.go"
	sourcePlugins  = "cluster-inventory-api v0.1.3, plugins/*/cmd/plugin/main.go"
	sourceCRD      = "cluster-inventory-api v0.1.3, config/crd/bases"
	sourceV1alpha2 = "cluster-inventory-api main, apis/v1alpha2/clusterprofile_types.go"
	sourceSuite    = "cluster-inventory-api main, conformance/clusterprofile.go"
	sourceExec     = "client-go, plugin/pkg/client/auth/exec"
	sourceHeadlamp = "headlamp, backend/pkg/clusterinventory/clusterinventory.go"
	sourceChart    = "headlamp, charts/headlamp/values.yaml"
	sourceArgo     = "clusterprofile-integration-for-argocd"
	sourceKueue    = "kueue, pkg/controller/admissionchecks/multikueue/multikueuecluster.go"
	sourceSveltos  = "clusterinventory-controller, controllers/utils.go"
	sourceKnative  = "knative operator, pkg/reconciler/common/multicluster.go"
	sourceRuntime  = "multicluster-runtime, providers/cluster-inventory-api/provider.go"
)

// rules is the table. Within a verdict, a finding lists its breaches in this order: what is missing before what is wrong with it.
var rules = slices.Concat(visibilityRules, accessRules, endpointRules, pluginRules, membershipRules, conformanceRules)
