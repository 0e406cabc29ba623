// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

const (
	// maxCombined is how long a profile's namespace and name may be together: older releases of the Argo CD integration
	// join them with a hyphen into a label value.
	maxCombined = 62
	// minShortened leaves something of the name to read in front of the hash, however long the namespace is.
	minShortened = 20
	hashLength   = 8
)

// Key is where the Inventory publishes a Cluster. It depends on nothing but the Inventory and the Cluster's namespace and
// name, so that a profile is never renamed: a new name is a new cluster to every consumer.
func (inv *Inventory) Key(cluster *clusterv1.Cluster) types.NamespacedName {
	namespace := inv.spec.Namespace
	if namespace == "" {
		namespace = cluster.Namespace
	}
	naming := inv.spec.ProfileName
	if naming == "" && inv.spec.Namespace != "" {
		naming = v1alpha1.ProfileNamingNamespaceAndName
	}
	name := cluster.Name
	if naming == v1alpha1.ProfileNamingNamespaceAndName {
		name = cluster.Namespace + "-" + cluster.Name
	}
	return types.NamespacedName{Namespace: namespace, Name: fit(namespace, name, cluster.Namespace+"/"+cluster.Name)}
}

// fit returns the name itself where it is a DNS label short enough, else as much of it as fits and a hash of the identity
// that it stands for.
func fit(namespace, name, identity string) string {
	limit := min(validation.DNS1123LabelMaxLength, max(maxCombined-len(namespace), minShortened))
	if len(name) <= limit && len(validation.IsDNS1123Label(name)) == 0 {
		return name
	}
	sum := sha256.Sum256([]byte(identity))
	hash := hex.EncodeToString(sum[:])[:hashLength]
	readable := strings.ReplaceAll(name, ".", "-")
	readable = strings.Trim(readable[:min(len(readable), limit-hashLength-1)], "-")
	return readable + "-" + hash
}
