// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

// accessRules are about whether there is an access provider that the consumer knows.
var accessRules = []rule{
	{
		consumers: readers,
		name:      "access-providers",
		verdict:   No,
		check:     offersAccess,
		remedy:    "publish an access provider, by convention kubeconfig-secretreader",
		source:    sourceLibrary,
	},
	{
		consumers: []Consumer{ArgoCD, Kueue, Sveltos, Knative, MulticlusterRuntime},
		name:      "deprecated-list",
		verdict:   Partly,
		check:     notDeprecated,
		remedy: "publish accessProviders only: every reader logs a warning for each entry of the deprecated list, and v1alpha2 " +
			"removes it",
		source: sourceLibrary,
	},
	{
		consumers: []Consumer{ArgoCD},
		name:      "reserved-name",
		verdict:   No,
		check:     builtinExists,
		remedy:    "rename the access provider: only argo-cd-builtin-aws, -azure and -gcp exist",
		source:    sourceArgo,
	},
	{
		consumers: []Consumer{Headlamp, ArgoCD, Kueue, Knative, MulticlusterRuntime},
		name:      "provider-name",
		verdict:   No,
		check:     knownProvider,
		remedy:    "add the name to the consumer's provider file, with the plugin it needs, or publish kubeconfig-secretreader too",
		source:    sourceLibrary,
	},
	{
		consumers: []Consumer{Sveltos},
		name:      "provider-name",
		verdict:   Partly,
		check:     copiesKubeconfigs,
		remedy: "publish kubeconfig-secretreader too: other providers need an entry in its provider file, and credentials without an " +
			"expiry are never refreshed",
		source: sourceSveltos,
	},
	{
		consumers: []Consumer{Headlamp, Knative},
		name:      "first-provider",
		verdict:   Partly,
		check:     secretReaderAlone,
		remedy:    "publish secretreader only if its token Secret is in the consumer's namespace, or reorder the consumer's provider file",
		source:    sourceLibrary,
	},
}

// pluginRules are about whether the plugin gets the parameters that it needs.
var pluginRules = []rule{
	{
		consumers: readers,
		name:      "extension",
		verdict:   No,
		check:     eachProvider(hasPluginParams),
		remedy:    "publish the plugin's parameters, {name, key, namespace} for kubeconfig-secretreader and {clusterName} for secretreader",
		source:    sourcePlugins + "; " + sourceSveltos,
	},
	{
		consumers: readers,
		name:      "extension-namespace",
		verdict:   Partly,
		check:     eachProvider(hasSecretNamespace),
		remedy:    "set the Secret's namespace: plugins default to their own, and Sveltos to the profile's",
		source:    sourcePlugins + "; " + sourceSveltos,
	},
	{
		consumers: library,
		name:      "extension-twice",
		verdict:   No,
		check:     dialled(extensionsOnce),
		remedy:    "publish each extension once",
		source:    sourceLibrary,
	},
	{
		consumers: readers,
		name:      "extension-arguments",
		verdict:   Partly,
		check:     dialled(noArguments),
		remedy:    "remove it: consumers expect a list, and the API server accepts only an object",
		source:    sourceLibrary + "; " + sourceCRD,
	},
	{
		consumers: []Consumer{Sveltos, Knative, MulticlusterRuntime},
		name:      "extension-environment",
		verdict:   Partly,
		check:     dialled(noEnvironment),
		remedy:    "remove it: if the provider file allows it, it leaks into the plugin calls for other profiles",
		source:    sourceLibrary,
	},
}
