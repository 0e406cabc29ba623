// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"k8s.io/apimachinery/pkg/runtime"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
)

// ClusterObject is a Cluster as expressions see it. It is made when the first expression is evaluated, and once for all of them: that
// allocates more than most evaluations. It is not safe for concurrent use.
type ClusterObject struct {
	cluster *clusterv1.Cluster
	fields  map[string]any
	err     error
}

// of returns the fields of a Cluster, which expressions cannot change.
func (o *ClusterObject) of(cluster *clusterv1.Cluster) (map[string]any, error) {
	if o.cluster != cluster {
		o.cluster = cluster
		o.fields, o.err = runtime.DefaultUnstructuredConverter.ToUnstructured(cluster)
	}
	return o.fields, o.err
}

// sharing returns the facts with an object to share among all expressions.
func (f Facts) sharing() Facts {
	if f.Object == nil {
		f.Object = &ClusterObject{}
	}
	return f
}

// variables are the objects as an expression sees them.
func (f Facts) variables() (map[string]any, error) {
	cluster, err := f.sharing().Object.of(f.Cluster)
	if err != nil {
		return nil, err
	}
	variables := map[string]any{cel.Cluster: cluster}
	if f.ControlPlane != nil {
		variables[cel.ControlPlane] = f.ControlPlane
	}
	if f.Infrastructure != nil {
		variables[cel.Infrastructure] = f.Infrastructure
	}
	return variables, nil
}
