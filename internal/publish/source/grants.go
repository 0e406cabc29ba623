// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
	"github.com/capi-inventory/capi-inventory/internal/publish/requeue"
)

// profileField is the index of AccessGrants by the name of their profile.
const profileField = "spec.profile"

// IndexGrants adds the index by which the AccessGrants of a profile are found.
func IndexGrants(ctx context.Context, indexer client.FieldIndexer) error {
	return indexer.IndexField(ctx, &v1alpha1.AccessGrant{}, profileField, func(object client.Object) []string {
		grant, ok := object.(*v1alpha1.AccessGrant)
		if !ok {
			return nil
		}
		return []string{grant.Spec.Profile}
	})
}

// grants returns the AccessGrants of a profile.
func (c *Clusters) grants(ctx context.Context, of types.NamespacedName) ([]*v1alpha1.AccessGrant, error) {
	var list v1alpha1.AccessGrantList
	err := c.cached.List(ctx, &list,
		client.InNamespace(of.Namespace), client.MatchingFields{profileField: of.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("listing the AccessGrants of ClusterProfile %s: %w", of, err)
	}
	grants := make([]*v1alpha1.AccessGrant, 0, len(list.Items))
	for i := range list.Items {
		grants = append(grants, &list.Items[i])
	}
	return grants, nil
}

// unanswered returns after how long it is to be reported that no broker has answered one of the grants; zero for never.
func unanswered(grants []*v1alpha1.AccessGrant, now time.Time) (after time.Duration) {
	for _, grant := range grants {
		left := profile.BrokerTimeout - now.Sub(grant.CreationTimestamp.Time)
		if len(grant.Status.Conditions) == 0 && left > 0 {
			after = requeue.Min(after, left)
		}
	}
	return after
}
