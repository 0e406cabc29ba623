// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

// endpointRules are about whether the endpoint can be dialled.
var endpointRules = []rule{
	{
		consumers: readers,
		name:      "server",
		verdict:   No,
		check:     dialled(serverSet),
		remedy:    "set cluster.server, even if there is a proxy: plugins fail without it",
		source:    sourcePlugins,
	},
	{
		consumers: readers,
		name:      "server-url",
		verdict:   No,
		check:     dialled(serverIsURL),
		remedy:    "write the server as https://host:port",
		source:    sourceHeadlamp + "; " + sourceExec,
	},
	{
		consumers: []Consumer{Kueue},
		name:      "server-host",
		verdict:   No,
		check:     dialled(kueueHost),
		remedy:    "use an IP address or a DNS name as the host, and add the port to an IPv6 address",
		source:    sourceKueue,
	},
	{
		consumers: readers,
		name:      "server-local",
		verdict:   Partly,
		check:     dialled(notLocal),
		remedy:    "publish an address that reaches the spoke from another machine",
		source:    sourceRuntime,
	},
	{
		consumers: readers,
		name:      "ca-pem",
		verdict:   No,
		check:     dialled(certificatesArePEM),
		remedy:    "publish the certificate authority in PEM",
		source:    sourceExec,
	},
	{
		consumers: readers,
		name:      "ca-size",
		verdict:   No,
		check:     dialled(certificatesFit),
		remedy:    "publish fewer certificates, at most 90 KiB: the bundle is passed in an environment variable",
		source:    sourceExec,
	},
	{
		consumers: readers,
		name:      "ca-missing",
		verdict:   Partly,
		check:     dialled(certificatesSet),
		remedy:    "publish the certificate authority, unless every consumer's system trusts it",
		source:    sourceLibrary,
	},
	{
		consumers: []Consumer{ArgoCD},
		name:      "ca-and-insecure",
		verdict:   No,
		check:     dialled(verifiesOrNot),
		remedy:    "remove insecure-skip-tls-verify",
		source:    sourceArgo,
	},
	{
		consumers: library,
		name:      "tls-fields",
		verdict:   Partly,
		check:     dialled(noTLSOverrides),
		remedy:    "give the server a certificate for the host of its URL, or wait for consumers built on v0.2.0",
		source:    sourceLibrary,
	},
	{
		consumers: []Consumer{Sveltos},
		name:      "proxy-url",
		verdict:   Partly,
		check:     dialled(noProxy),
		remedy:    "publish kubeconfig-secretreader with a kubeconfig that has the proxy: Sveltos ignores the profile's",
		source:    sourceSveltos,
	},
	{
		consumers: []Consumer{Knative},
		name:      "proxy-url",
		verdict:   Partly,
		check:     dialled(noProxy),
		remedy:    "restart the operator after a change: it keeps its first connection, and ignores changes of the profile",
		source:    sourceKnative,
	},
	{
		consumers: []Consumer{ArgoCD},
		name:      "one-server",
		verdict:   Partly,
		check:     oneOfServer,
		remedy:    "publish only one of the two, or a different server for each: Argo CD treats them as one cluster",
		source:    "argo-cd issues 10897 and 25618",
	},
}
