// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"maps"
	"slices"
	"time"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
	"github.com/capi-inventory/capi-inventory/internal/publish/endpoint"
)

// FieldManager is the name under which the publisher applies what it owns of a ClusterProfile.
const FieldManager = "capi-inventory-publisher"

// Facts is all that is known of one Cluster when its profile is decided.
type Facts struct {
	// Manager is the name of this cluster manager, as in spec.clusterManager.name.
	Manager string
	// Cluster is the Cluster. It is not changed.
	Cluster *clusterv1.Cluster
	// ClusterAPIDown says that no Cluster API controller is running, so the Cluster's conditions are stale.
	ClusterAPIDown bool
	// ControlPlane and Infrastructure are the objects that the Cluster refers to; nil where there is none.
	ControlPlane, Infrastructure map[string]any
	// Waiting says, by the variable of an expression or another name, which object is not known yet: whether it exists, and what it
	// says. What is published of it stays.
	Waiting map[string]Unknown
	// Kubeconfigs is what was found in the Secrets that the Inventory asked for (Inventory.Secrets).
	Kubeconfigs map[SecretKey]Kubeconfig
	// Grants are the AccessGrants of the profile as they are now, of any author. They are not changed.
	Grants []*v1alpha1.AccessGrant
	// SpokeCheck is the one of the profile's name, of any author; nil where there is none, or where the Inventory does not trust
	// SpokeChecks. It is not changed.
	SpokeCheck *v1alpha1.SpokeCheck
	// SpokeCheckUnknown says that it is not known yet whether there is one: what was made of it stays.
	SpokeCheckUnknown bool
	// Published is the profile as it is now; nil where there is none.
	Published *Live
	// Now becomes the transition time of a condition that changes its status.
	Now time.Time
	// Object is the Cluster as expressions see it, for all Facts about the Cluster that share it; nil where none do.
	Object *ClusterObject
}

// Unknown is why an object is not known.
type Unknown struct {
	// Why is a sentence without its period; empty for an object that is known.
	Why string
	// Long says that it will not be known in a moment: a user has to act.
	Long bool
}

// SecretKey is one key of one Secret in the Cluster's namespace.
type SecretKey struct{ Name, Key string }

// Kubeconfig is what a Secret holds: an endpoint, or the reason why there is none.
type Kubeconfig struct {
	Endpoint endpoint.Endpoint
	Rejected *endpoint.RejectedError
}

// Why a kubeconfig could not even be read; in Rejected, beside the reasons of package endpoint.
const (
	// SecretNotFound: there is no such Secret (yet).
	SecretNotFound endpoint.Reason = "SecretNotFound"
	// KeyNotFound: the Secret has no such key.
	KeyNotFound endpoint.Reason = "KeyNotFound"
	// SecretNotRead: the API server did not give the Secret.
	SecretNotRead endpoint.Reason = "SecretNotRead"
)

// waits returns the first of the variables that a program reads and that are not known yet; empty for none.
func (f Facts) waits(programs ...*cel.Program) string {
	for _, variable := range []string{cel.ControlPlane, cel.Infrastructure} {
		if f.Waiting[variable].Why == "" {
			continue
		}
		for _, program := range programs {
			if program.Uses(variable) {
				return variable
			}
		}
	}
	return ""
}

// waiting reports what is waited for, each once.
func (f Facts) waiting() []Problem {
	problems := make([]Problem, 0, len(f.Waiting))
	for _, variable := range slices.Sorted(maps.Keys(f.Waiting)) {
		reason := v1alpha1.ProblemWaitingForObjects
		if f.Waiting[variable].Long {
			reason = v1alpha1.ProblemObjectsUnavailable
		}
		problems = append(problems, problem(reason, "%s; what is published of it stays as it is", f.Waiting[variable].Why))
	}
	return problems
}
