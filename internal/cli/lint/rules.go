// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

// Whom a rule is of.
var (
	readers = []Consumer{Headlamp, ArgoCD, Kueue, Sveltos, Knative, MulticlusterRuntime}
	// library are those that dial what cluster-inventory-api's pkg/access v0.1.3 makes of a profile. Sveltos does where it
	// does not copy a kubeconfig.
	library = []Consumer{Headlamp, Kueue, Sveltos, Knative, MulticlusterRuntime}
	gated   = []Consumer{Knative, MulticlusterRuntime}
	// everywhere are those that read every namespace.
	everywhere = []Consumer{Sveltos, MulticlusterRuntime}
	suite      = []Consumer{Conformance}
)

// Where rules were found.
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

// rules is the table. Within a verdict, a finding tells its breaches in this order: what is not there before what is wrong
// with it.
var rules = []rule{
	// Is it looked at?
	{[]Consumer{Headlamp}, "namespace", NotVisible, visible, "publish the member into that namespace too, or start Headlamp with --cluster-inventory-namespaces", sourceHeadlamp},
	{[]Consumer{ArgoCD}, "namespace", NotVisible, visible, "publish the member into Argo CD's own namespace too: it reads cluster Secrets nowhere else", sourceArgo},
	{[]Consumer{Kueue}, "namespace", NotVisible, visible, "publish the member into Kueue's own namespace too: MultiKueue reads no other", sourceKueue},
	{[]Consumer{Headlamp}, "ignored", NotVisible, notIgnored, "remove the label from the profile, or from the Cluster it was copied from", sourceChart},
	{gated, "healthy", No, isHealthy, "have the cluster manager report the control plane healthy; for a Cluster, see: kubectl inventory explain", sourceKnative + "; " + sourceRuntime},
	{[]Consumer{Headlamp}, "unhealthy", Partly, notUnhealthy, "mend the control plane; the cluster is shown as unhealthy even where it answers", "headlamp, frontend/src/components/App/Home/ClusterInventory"},

	// Is there a way in that it knows?
	{readers, "access-providers", No, offersAccess, "publish an access provider, by convention kubeconfig-secretreader", sourceLibrary},
	{[]Consumer{ArgoCD, Kueue, Sveltos, Knative, MulticlusterRuntime}, "deprecated-list", Partly, notDeprecated, "publish accessProviders alone: each entry of the old list is a warning in every reader's log, and v1alpha2 has none", sourceLibrary},
	{[]Consumer{ArgoCD}, "reserved-name", No, builtinExists, "rename the access provider: only argo-cd-builtin-aws, -azure and -gcp exist", sourceArgo},
	{[]Consumer{Headlamp, ArgoCD, Kueue, Knative, MulticlusterRuntime}, "provider-name", No, knownProvider, "add the name to the consumer's provider file, with the plugin it needs, or publish kubeconfig-secretreader too", sourceLibrary},
	{[]Consumer{Sveltos}, "provider-name", Partly, copiesKubeconfigs, "publish kubeconfig-secretreader too: other providers need an entry in its provider file, and credentials without an expiry are never refreshed", sourceSveltos},
	{[]Consumer{Headlamp, Knative}, "first-provider", Partly, secretReaderAlone, "offer secretreader only where its token Secret is in the consumer's namespace, or order the consumer's provider file", sourceLibrary},

	// Does the way lead anywhere?
	{readers, "server", No, dialled(serverSet), "set cluster.server, even where a proxy does the work: plugins refuse to run without", sourcePlugins},
	{readers, "server-url", No, dialled(serverIsURL), "write the server as https://host:port", sourceHeadlamp + "; " + sourceExec},
	{[]Consumer{Kueue}, "server-host", No, dialled(kueueHost), "use an IP address or a DNS name as host, and put the port after an IPv6 address", sourceKueue},
	{readers, "server-local", Partly, dialled(notLocal), "publish an address that reaches the spoke from another machine", sourceRuntime},
	{readers, "ca-pem", No, dialled(certificatesArePEM), "publish the certificate authority in PEM", sourceExec},
	{readers, "ca-size", No, dialled(certificatesFit), "publish fewer certificates, at most 90 KiB: the bundle travels in an environment variable", sourceExec},
	{readers, "ca-missing", Partly, dialled(certificatesSet), "publish the certificate authority, unless every consumer's system knows it", sourceLibrary},
	{[]Consumer{ArgoCD}, "ca-and-insecure", No, dialled(verifiesOrNot), "drop insecure-skip-tls-verify", sourceArgo},
	{library, "tls-fields", Partly, dialled(noTLSOverrides), "give the server a certificate for the host it is dialled at, or wait for readers built on v0.2.0", sourceLibrary},
	{[]Consumer{Sveltos}, "proxy-url", Partly, dialled(noProxy), "publish kubeconfig-secretreader with a kubeconfig that names the proxy: Sveltos drops the profile's", sourceSveltos},
	{[]Consumer{Knative}, "proxy-url", Partly, dialled(noProxy), "restart the operator after a change: while it runs it keeps the connection that it made first, and no change of the profile is noticed", sourceKnative},
	{[]Consumer{ArgoCD}, "one-server", Partly, oneOfServer, "publish one of the two, or a server of its own for each: Argo CD takes them for one cluster", "argo-cd issues 10897 and 25618"},

	// Is the plugin told what it needs?
	{readers, "extension", No, eachProvider(hasPluginParams), "publish the plugin's parameters, {name, key, namespace} for kubeconfig-secretreader and {clusterName} for secretreader", sourcePlugins + "; " + sourceSveltos},
	{readers, "extension-namespace", Partly, eachProvider(hasSecretNamespace), "name the Secret's namespace: plugins default to their own, and Sveltos to the profile's", sourcePlugins + "; " + sourceSveltos},
	{library, "extension-twice", No, dialled(extensionsOnce), "publish each extension once", sourceLibrary},
	{readers, "extension-arguments", Partly, dialled(noArguments), "remove it: readers want a list, and the API server accepts only an object", sourceLibrary + "; " + sourceCRD},
	{[]Consumer{Sveltos, Knative, MulticlusterRuntime}, "extension-environment", Partly, dialled(noEnvironment), "remove it: where the provider file takes it in, it leaks into the plugin calls for other profiles", sourceLibrary},

	// Is it the only one of its kind?
	{[]Consumer{ArgoCD}, "one-member", No, oneOfMember, "delete all but one of the profiles of a member in the namespace", sourceArgo},
	{[]Consumer{ArgoCD}, "member-id", Partly, memberIDSet, "give the label a value, or remove it", sourceArgo},
	{everywhere, "one-profile", Partly, oneProfile, "restrict the consumer to one namespace, or to one cluster manager's profiles: it takes each profile for a cluster", sourceRuntime + "; " + sourceSveltos},
	{[]Consumer{ArgoCD}, "argocd-labels", Partly, noArgoLabels, "remove the label: Argo CD acts on it", sourceArgo},
	{[]Consumer{ArgoCD}, "name-length", Partly, originFits, "shorten the name: older releases join the two into a label", sourceArgo},
	{[]Consumer{Sveltos}, "name-length", No, secretNameFits, "shorten the name", sourceSveltos},

	// Does it keep the API's own rules?
	{suite, "manager-label", No, managerLabelled, "set the label to the name of the cluster manager", sourceSuite},
	{suite, "manager-name", Partly, managerIsLabel, "choose another name for new profiles: v1alpha2 requires it, and the field cannot be changed", sourceV1alpha2},
	{suite, "member-id", No, memberIDSet, "give the label a value, or remove it", sourceSuite},
	{suite, "member-id-unique", Partly, memberIDUnique, "delete all but one of the profiles of a member in the namespace, or have one of two cluster managers use other ids", sourceSuite + "; KEP-4322"},
	{suite, "complete", Partly, complete, "have the cluster manager set them; each is optional", sourceSuite},
	{suite, "deprecated-list", Partly, notDeprecated, "publish accessProviders alone: v1alpha2 has no credentialProviders", sourceV1alpha2},
	{suite, "schema", No, eachProvider(argumentsNoList), "remove the extension: the API server accepts only an object there", sourceCRD},
	{suite, "v1alpha2", Partly, eachProvider(validV1alpha2), "publish an absolute URL of at most 2048 bytes as server, and an http, https or socks5 URL as proxy-url", sourceV1alpha2},
}
