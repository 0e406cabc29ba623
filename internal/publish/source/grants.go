// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// profileField is the index of AccessGrants by the profile that they are for, and by the one for which they have their name: another
// writer may have taken the name of a grant that the publisher is to make.
const profileField = "profile"

// IndexGrants adds the index by which the AccessGrants of a profile are found.
func IndexGrants(ctx context.Context, indexer client.FieldIndexer) error {
	return indexer.IndexField(ctx, &v1alpha1.AccessGrant{}, profileField, func(object client.Object) []string {
		grant, ok := object.(*v1alpha1.AccessGrant)
		if !ok {
			return nil
		}
		return []string{grant.Spec.Profile, profile.ProfileOfGrant(grant.Name)}
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
