// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Reasons of ControlPlaneHealthy on a ClusterProfile: what Cluster API says of the control plane or, where the Inventory trusts
// SpokeChecks, the consumer. The type of the condition is upstream's.
//
// Possible reasons when True: ProbeSucceeded, SpokeAnswers. When False: ControlPlaneUnavailable. When Unknown: NotReported,
// Paused, ClusterAPIDown, ProbeFailed, SpokeSilent.
const (
	// ReasonNotReported: Cluster API has not yet said whether the control plane is available. Wait, or look at the Cluster.
	ReasonNotReported = "NotReported"
	// ReasonPaused: the Cluster is paused, so its conditions are frozen and prove nothing.
	ReasonPaused = "Paused"
	// ReasonClusterAPIDown: no Cluster API controller has renewed its Lease for a while, so the Cluster's conditions are stale.
	ReasonClusterAPIDown = "ClusterAPIDown"
	// ReasonControlPlaneUnavailable: Cluster API reports the control plane unavailable.
	ReasonControlPlaneUnavailable = "ControlPlaneUnavailable"
	// ReasonProbeFailed: Cluster API cannot reach the control plane from the hub. Check the network between hub and spoke.
	ReasonProbeFailed = "ProbeFailed"
	// ReasonProbeSucceeded: the control plane is available and Cluster API's probe from the hub reaches it.
	ReasonProbeSucceeded = "ProbeSucceeded"
	// ReasonSpokeAnswers: what Cluster API says is stale, and the consumer has reached the spoke (spec.spokeCheckPolicy).
	ReasonSpokeAnswers = "SpokeAnswers"
	// ReasonSpokeSilent: Cluster API says that the control plane is available, and the consumer has not reached the spoke for over
	// a minute (spec.spokeCheckPolicy). Its SpokeCheck says why.
	ReasonSpokeSilent = "SpokeSilent"
)

// ConditionJoined on a ClusterProfile: the member is under management and its access is published (KEP-4322).
//
// Possible reasons when True: ClusterRegistered. When False: AccessNotPublished, ClusterDeleting.
const (
	ConditionJoined = "Joined"

	// ReasonClusterRegistered: the profile has an access provider that passed validation.
	ReasonClusterRegistered = "ClusterRegistered"
	// ReasonAccessNotPublished: no access provider could be published yet; the message says why.
	ReasonAccessNotPublished = "AccessNotPublished"
	// ReasonClusterDeleting: the Cluster is being deleted; the profile goes when the Cluster is gone.
	ReasonClusterDeleting = "ClusterDeleting"
)

// ConditionAccepted on an Inventory: its specification can be carried out.
//
// Possible reasons when True: Valid. When False: InvalidSpec.
const (
	ConditionAccepted = "Accepted"

	// ReasonValid: every selector, glob and expression was compiled.
	ReasonValid = "Valid"
	// ReasonInvalidSpec: a selector, a glob or an expression of the Inventory cannot work; nothing new is published and what
	// is published stays as it is.
	ReasonInvalidSpec = "InvalidSpec"
)

// ConditionReady on an Inventory: every selected Cluster has its profile, as the Inventory wants it. What is wrong with the
// data of a Cluster, for example its kubeconfig, is Degraded's to report.
//
// Possible reasons when True: Published. When False: InvalidSpec, NotPublished, Terminating. When Unknown: Publishing.
const (
	ConditionReady = "Ready"

	// ReasonPublished: every selected Cluster has its profile.
	ReasonPublished = "Published"
	// ReasonNotPublished: some Clusters are not published as the Inventory wants them; status.problems says which and why.
	ReasonNotPublished = "NotPublished"
	// ReasonPublishing: the publisher has not yet looked at every Cluster with this generation, or waits for something.
	ReasonPublishing = "Publishing"
	// ReasonTerminating: the Inventory is being deleted; it goes when its profiles are gone.
	ReasonTerminating = "Terminating"
)

// ConditionStalled on an Inventory: there, and True, while Ready is False and will stay so until a user acts. It is one of kstatus'
// conditions: tools that wait for an Inventory to be ready (Flux, Helm, kpt) stop waiting and report the failure.
//
// Possible reasons: InvalidSpec, NotPublished.
const ConditionStalled = "Stalled"

// ConditionDegraded on an Inventory: something about some Clusters is not published, or not in full; status.problems says what
// and why. An Inventory may be Ready and Degraded: one broken kubeconfig does not hold up the rest.
//
// Possible reasons when True: Problems. When False: NoProblems. When Unknown: Publishing.
const (
	ConditionDegraded = "Degraded"

	// ReasonProblems: status.problems holds the first of them.
	ReasonProblems = "Problems"
	// ReasonNoProblems: nothing was left out.
	ReasonNoProblems = "NoProblems"
)

// Reasons of Ready and Degraded on an AccessGrant. Ready: the Secret holds a token that the spoke has accepted, with the roles that the
// grant asks for, and that has not expired. Degraded: something keeps the broker from what is to be done next; the last good token
// stays in use until it expires.
//
// Possible reasons of Ready when True: Granted. When False: Pending, Expired (as of ConditionExpiring), Revoking,
// or the reason of Degraded.
// Possible reasons of Degraded when False: AsExpected. When True: all others below, ClusterDeleting (as of ConditionJoined) for
// whatever fails then, or ProfileNotWritten (as of ConditionPropertiesImported) while the grant is revoked.
const (
	// ReasonGranted: the spoke has accepted the token.
	ReasonGranted = "Granted"
	// ReasonPending: the broker has not granted the access yet.
	ReasonPending = "Pending"
	// ReasonRevoking: the grant is being deleted; it goes when what was made for it on the spoke, and on the profile, is gone.
	ReasonRevoking = "Revoking"

	// ReasonAsExpected: nothing is to be done before the next renewal.
	ReasonAsExpected = "AsExpected"
	// ReasonNotWanted: no Inventory asks for what the grant says, so the broker does nothing for it.
	ReasonNotWanted = "NotWanted"
	// ReasonKubeconfigUnusable: the Cluster has no kubeconfig Secret, or the broker cannot or must not use what is in it; or the hub does
	// not serve Clusters at present.
	ReasonKubeconfigUnusable = "KubeconfigUnusable"
	// ReasonSpokeUnreachable: the spoke does not answer.
	ReasonSpokeUnreachable = "SpokeUnreachable"
	// ReasonControlPlaneNotInitialized: the spoke does not work yet, which is to be expected, as Cluster API has not reached its
	// control plane yet, either.
	ReasonControlPlaneNotInitialized = "ControlPlaneNotInitialized"
	// ReasonSpokeRefused: the spoke answers with an error, for example because the kubeconfig's user may not make roles.
	ReasonSpokeRefused = "SpokeRefused"
	// ReasonForeignObject: on the spoke or beside the grant something that the broker did not make has the name that it needs; it is
	// left untouched.
	ReasonForeignObject = "ForeignObject"
	// ReasonEscalation: a ClusterRole of the spoke grants rights that need allowEscalation.
	ReasonEscalation = "Escalation"
	// ReasonTokenRefused: the spoke does not accept its own token as that of the ServiceAccount.
	ReasonTokenRefused = "TokenRefused"
	// ReasonSecretNotWritten: the hub does not let the broker write or delete the Secret.
	ReasonSecretNotWritten = "SecretNotWritten"
	// ReasonContested: another writer changes or deletes the Secret again and again; it is put back after pauses.
	ReasonContested = "Contested"
)

// ConditionPropertiesImported on an AccessGrant: what the spoke says of itself is on its profile. Only where the Inventory imports
// ClusterProperties.
//
// Possible reasons when True: Imported. When False: PropertiesSkipped, WrongCluster, ProfileNotWritten, SpokeUnreachable,
// SpokeRefused, NotWanted, KubeconfigUnusable, ForeignObject.
const (
	ConditionPropertiesImported = "PropertiesImported"

	// ReasonImported: every ClusterProperty of the spoke is on its profile.
	ReasonImported = "Imported"
	// ReasonPropertiesSkipped: some are not, for example because another writer publishes a property of that name.
	ReasonPropertiesSkipped = "PropertiesSkipped"
	// ReasonProfileNotWritten: there is no profile to write to yet, or the hub does not let the broker write it.
	ReasonProfileNotWritten = "ProfileNotWritten"
)

// ConditionReachable on a SpokeCheck: the spoke answered, was ready, and accepted the published credentials.
//
// Possible reasons when True: Reachable. When False: every other one, in the order in which a probe meets them.
const (
	ConditionReachable = "Reachable"

	// ReasonNoAccessProvider: the profile offers no access provider that the consumer's provider file knows.
	ReasonNoAccessProvider = "NoAccessProvider"
	// ReasonInvalidAccess: the access provider cannot be used as it is published, for example because it names no server.
	ReasonInvalidAccess = "InvalidAccess"
	// ReasonReferenceNotPermitted: the profile refers to a Secret in a namespace from which the consumer does not follow
	// references of other namespaces' profiles.
	ReasonReferenceNotPermitted = "ReferenceNotPermitted"
	// ReasonCredentialsFailed: the credential plugin is missing, failed, or gave nothing usable in time.
	ReasonCredentialsFailed = "CredentialsFailed"
	// ReasonNameNotResolved: the host name of the server, or of the proxy before it, does not resolve.
	ReasonNameNotResolved = "NameNotResolved"
	// ReasonConnectFailed: nothing answers at the server's address.
	ReasonConnectFailed = "ConnectFailed"
	// ReasonTLSFailed: the server's certificate is not one the published certificate authority vouches for.
	ReasonTLSFailed = "TLSFailed"
	// ReasonUnauthorized: the spoke refuses the credentials.
	ReasonUnauthorized = "Unauthorized"
	// ReasonNotReady: the API server answers, but not that it is ready.
	ReasonNotReady = "NotReady"
	// ReasonForbidden: the spoke knows the credentials but does not grant a permission that --require-permission names.
	ReasonForbidden = "Forbidden"
	// ReasonWrongCluster: the spoke is not the cluster that the profile's property cluster.clusterset.k8s.io identifies: it
	// says so itself by its ClusterProperty, or the UID of its namespace kube-system was that property and is another one now.
	ReasonWrongCluster = "WrongCluster"
	// ReasonReachable: the spoke is ready and knows who we are.
	ReasonReachable = "Reachable"
)

// ConditionExpiring on a SpokeCheck: something that the way into the spoke depends on expires within 14 days, or has expired.
//
// Possible reasons when True: ExpiresSoon, Expired. When False: ExpiresLater.
const (
	ConditionExpiring = "Expiring"

	// ReasonExpiresSoon: a certificate or token expires within 14 days; the message says which, and when.
	ReasonExpiresSoon = "ExpiresSoon"
	// ReasonExpired: a certificate or token has expired. The spoke may still be reachable, as long as it does not mind.
	ReasonExpired = "Expired"
	// ReasonExpiresLater: nothing expires within 14 days.
	ReasonExpiresLater = "ExpiresLater"
)
