// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// MaxProblems is how many problems an Inventory's status holds; its condition Degraded counts all of them.
const MaxProblems = 20

// Reasons of the problems in an Inventory's status, and of the Events on the Cluster that they concern.
const (
	// ProblemInvalidName: the Cluster's name is not a valid label value, which Cluster API itself requires of it.
	ProblemInvalidName = "InvalidName"
	// ProblemForeignProfile: a profile of another manager, or of another Cluster, has the name; it is left untouched.
	ProblemForeignProfile = "ForeignProfile"
	// ProblemClaimedByOther: an older Inventory publishes the Cluster into the same namespace.
	ProblemClaimedByOther = "ClaimedByOther"
	// ProblemNamespaceMissing: the target namespace does not exist.
	ProblemNamespaceMissing = "NamespaceMissing"
	// ProblemNamespaceTerminating: the target namespace is being deleted, so nothing new can be published into it.
	ProblemNamespaceTerminating = "NamespaceTerminating"
	// ProblemNotWatched: the Cluster of a profile is outside --namespace or --watch-filter; its profile is neither updated nor
	// withdrawn.
	ProblemNotWatched = "NotWatched"
	// ProblemProvenanceChanged: another writer has changed or removed the labels by which a profile of the publisher names its
	// Cluster and Inventory, and no Cluster is published under its name any more; it is neither updated nor withdrawn.
	ProblemProvenanceChanged = "ProvenanceChanged"
	// ProblemPublishFailed: the profile could not be read or written, for a reason that may pass, such as a webhook that is
	// down; it is tried again.
	ProblemPublishFailed = "PublishFailed"
	// ProblemContested: another writer changes or deletes what is published again and again; writes are delayed.
	ProblemContested = "Contested"
	// ProblemWriteDelayed: the profile was written more often than KEP-4322 allows; the next write is delayed by up to 30
	// seconds.
	ProblemWriteDelayed = "WriteDelayed"
	// ProblemWaitingForObjects: objects of a kind that the profile is made of have not been listed yet; what is published of
	// them stays.
	ProblemWaitingForObjects = "WaitingForObjects"
	// ProblemObjectsUnavailable: the API server does not serve a kind that the profile is made of, or its first list has not
	// arrived for more than a minute; what is published of such objects stays.
	ProblemObjectsUnavailable = "ObjectsUnavailable"
	// ProblemInvalidPublishLabel: the label capi-inventory.dev/publish of the Cluster is neither true nor false, and is ignored.
	ProblemInvalidPublishLabel = "InvalidPublishLabel"
	// ProblemDeletionStuck: a profile has been waiting for a consumer's finalizer for more than five minutes.
	ProblemDeletionStuck = "DeletionStuck"
	// ProblemWriteRefused: the API server refuses the profile: it is invalid, or something forbids it.
	ProblemWriteRefused = "WriteRefused"
	// ProblemKubeconfig begins the reason of a kubeconfig that gives no endpoint; what follows says why, as in
	// KubeconfigExecUser or KubeconfigSecretNotFound.
	ProblemKubeconfig = "Kubeconfig"
	// ProblemLabelSkipped: a label or annotation was not copied.
	ProblemLabelSkipped = "LabelSkipped"
	// ProblemPropertySkipped: a property was not published.
	ProblemPropertySkipped = "PropertySkipped"
	// ProblemPropertiesNotImported: the ClusterProperty objects of the spoke are not on its profile, or not all of them.
	ProblemPropertiesNotImported = "PropertiesNotImported"
	// ProblemAccessProviderSkipped: an access provider was not published, or is published as it last was.
	ProblemAccessProviderSkipped = "AccessProviderSkipped"
	// ProblemAccessNotGranted: the broker has not granted the access that an access provider asks for, or can no longer renew it.
	ProblemAccessNotGranted = "AccessNotGranted"
	// ProblemVersionNotReported: the control plane is initialized, and nobody reports the Kubernetes version that it runs.
	ProblemVersionNotReported = "VersionNotReported"
	// ProblemTLSServerNameIgnored: the profile says under which name to check the server's certificate, or not to check it,
	// and consumers built with cluster-inventory-api v0.1.3 do not read that.
	ProblemTLSServerNameIgnored = "TLSServerNameIgnored"
	// ProblemDuplicateServer: two profiles of a namespace have the same server; Argo CD takes them for one cluster.
	ProblemDuplicateServer = "DuplicateServer"
	// ProblemDuplicateMember: two profiles of a namespace have the same inventory-member-id, which must be unique in it.
	ProblemDuplicateMember = "DuplicateMember"
)
