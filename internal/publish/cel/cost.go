// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"github.com/google/cel-go/common/types/ref"
	"k8s.io/apiserver/pkg/cel/library"
)

// costLimit bounds one evaluation, in the units of Kubernetes: about the work of visiting so many values, or ten times as
// many bytes. An expression over a Cluster of ordinary size spends some hundreds.
const costLimit = 100_000

// costs counts what a call has cost: as Kubernetes does, but never less than its price. Kubernetes bounds the rest by the
// schemas of its objects when an expression is written; the variables here have none.
type costs struct{ library.CostEstimator }

// CallCost implements interpreter.ActualCostEstimator.
func (c costs) CallCost(function, overload string, args []ref.Val, result ref.Val) *uint64 {
	counted := c.CostEstimator.CallCost(function, overload, args, result)
	if unguarded[function] {
		return counted
	}
	price := priceOf(function, args)
	if counted == nil && price <= 1 || counted != nil && price <= *counted {
		return counted
	}
	charged := price
	return &charged
}
