// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Reasons of the problems in an Inventory's status, and of the Events on the Cluster that they concern.
const (
	// ProblemInvalidName: the Cluster's name is no label value, which Cluster API itself requires of it.
	ProblemInvalidName = "InvalidName"
	// ProblemForeignProfile: a profile of another manager, or of another Cluster, has the name; it is left untouched.
	ProblemForeignProfile = "ForeignProfile"
	// ProblemClaimedByOther: an older Inventory publishes the Cluster into the same namespace.
	ProblemClaimedByOther = "ClaimedByOther"
	// ProblemNamespaceMissing: the target namespace does not exist.
	ProblemNamespaceMissing = "NamespaceMissing"
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
	// ProblemAccessProviderSkipped: an access provider was not published, or is published as it last was.
	ProblemAccessProviderSkipped = "AccessProviderSkipped"
	// ProblemTLSServerNameIgnored: the profile says under which name to check the server's certificate, or not to check it,
	// and consumers built with cluster-inventory-api v0.1.3 do not read that.
	ProblemTLSServerNameIgnored = "TLSServerNameIgnored"
	// ProblemDuplicateServer: two profiles of a namespace have the same server; Argo CD takes them for one cluster.
	ProblemDuplicateServer = "DuplicateServer"
)
