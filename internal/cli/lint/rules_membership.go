// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package lint

// membershipRules are about other profiles of the member, labels, and names.
var membershipRules = []rule{
	{
		consumers: []Consumer{ArgoCD},
		name:      "one-member",
		verdict:   No,
		check:     oneOfMember,
		remedy:    "delete all but one of the member's profiles in the namespace",
		source:    sourceArgo,
	},
	{
		consumers: []Consumer{ArgoCD},
		name:      "member-id",
		verdict:   Partly,
		check:     memberIDSet,
		remedy:    "give the label a value, or remove it",
		source:    sourceArgo,
	},
	{
		consumers: everywhere,
		name:      "one-profile",
		verdict:   Partly,
		check:     oneProfile,
		remedy:    "restrict the consumer to one namespace, or to the profiles of one cluster manager: it treats each profile as a cluster",
		source:    sourceRuntime + "; " + sourceSveltos,
	},
	{
		consumers: []Consumer{ArgoCD},
		name:      "argocd-labels",
		verdict:   Partly,
		check:     noArgoLabels,
		remedy:    "remove the label: Argo CD interprets it",
		source:    sourceArgo,
	},
	{
		consumers: []Consumer{ArgoCD},
		name:      "name-length",
		verdict:   Partly,
		check:     originFits,
		remedy:    "shorten the name: older releases join namespace and name into a label value",
		source:    sourceArgo,
	},
	{
		consumers: []Consumer{Sveltos},
		name:      "name-length",
		verdict:   No,
		check:     secretNameFits,
		remedy:    "shorten the name",
		source:    sourceSveltos,
	},
}

// conformanceRules are the rules of the API itself.
var conformanceRules = []rule{
	{
		consumers: suite,
		name:      "manager-label",
		verdict:   No,
		check:     managerLabelled,
		remedy:    "set the label to the name of the cluster manager",
		source:    sourceSuite,
	},
	{
		consumers: suite,
		name:      "manager-name",
		verdict:   Partly,
		check:     managerIsLabel,
		remedy:    "use a valid label value for new profiles: v1alpha2 requires it, and the field is immutable",
		source:    sourceV1alpha2,
	},
	{
		consumers: suite,
		name:      "member-id",
		verdict:   No,
		check:     memberIDSet,
		remedy:    "give the label a value, or remove it",
		source:    sourceSuite,
	},
	{
		consumers: suite,
		name:      "member-id-unique",
		verdict:   Partly,
		check:     memberIDUnique,
		remedy:    "delete all but one of the member's profiles in the namespace, or let one of the two cluster managers use other IDs",
		source:    sourceSuite + "; KEP-4322",
	},
	{
		consumers: suite,
		name:      "complete",
		verdict:   Partly,
		check:     complete,
		remedy:    "the cluster manager should set them; each is optional",
		source:    sourceSuite,
	},
	{
		consumers: suite,
		name:      "deprecated-list",
		verdict:   Partly,
		check:     notDeprecated,
		remedy:    "publish accessProviders only: v1alpha2 has no credentialProviders",
		source:    sourceV1alpha2,
	},
	{
		consumers: suite,
		name:      "schema",
		verdict:   No,
		check:     eachProvider(argumentsNoList),
		remedy:    "remove the extension: the API server accepts only an object there",
		source:    sourceCRD,
	},
	{
		consumers: suite,
		name:      "v1alpha2",
		verdict:   Partly,
		check:     eachProvider(validV1alpha2),
		remedy:    "publish an absolute URL of at most 2048 bytes as server, and an http, https or socks5 URL as proxy-url",
		source:    sourceV1alpha2,
	},
}
