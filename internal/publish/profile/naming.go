// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"crypto/sha256"
	"encoding/base32"
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
	// separator joins the two parts of a name. Neither part begins or ends with a hyphen, and one that holds the separator
	// itself is hashed, so a joined name can be taken apart in one way only.
	separator = "--"
	// hashMark comes before a hash. It is in no name without one, so no user can choose a name that equals a hashed one.
	hashMark = "---"
	// hashLength is 50 bits in base32: another Cluster name cannot be found for the hash of a given one.
	hashLength = 10
)

// Key returns where the Inventory publishes a Cluster. It depends on nothing but the Inventory and the Cluster's namespace and
// name, so that a profile is never renamed: a new name is a new cluster to every consumer. With NamespaceAndName, two Clusters
// never have one key.
func (inv *Inventory) Key(cluster *clusterv1.Cluster) types.NamespacedName {
	namespace := inv.spec.Namespace
	if namespace == "" {
		namespace = cluster.Namespace
	}
	naming := inv.spec.ProfileName
	if naming == "" && inv.spec.Namespace != "" {
		naming = v1alpha1.ProfileNamingNamespaceAndName
	}
	name, ambiguous := cluster.Name, strings.Contains(cluster.Name, hashMark)
	if naming == v1alpha1.ProfileNamingNamespaceAndName {
		name = cluster.Namespace + separator + cluster.Name
		ambiguous = strings.Contains(cluster.Namespace, separator) || strings.Contains(cluster.Name, separator)
	}
	limit := min(validation.DNS1123LabelMaxLength, max(maxCombined-len(namespace), minShortened))
	if ambiguous || len(name) > limit || len(validation.IsDNS1123Label(name)) > 0 {
		name = hashed(name, cluster.Namespace+"/"+cluster.Name, limit)
	}
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// PublishesInto reports whether the Inventory publishes any Cluster into a namespace, and whether only Clusters of that namespace.
func (inv *Inventory) PublishesInto(namespace string) (publishes, ownOnly bool) {
	return inv.spec.Namespace == "" || inv.spec.Namespace == namespace, inv.spec.Namespace == ""
}

// hashed returns as much of a name as fits, and a hash of the identity that it stands for.
func hashed(name, identity string, limit int) string {
	sum := sha256.Sum256([]byte(identity))
	hash := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:hashLength]
	readable := strings.ReplaceAll(name, ".", "-")
	readable = strings.Trim(readable[:min(len(readable), limit-len(hashMark)-hashLength)], "-")
	return readable + hashMark + hash
}
