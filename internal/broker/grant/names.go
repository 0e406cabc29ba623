// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package grant decides what an AccessGrant needs: the objects on the spoke, the kubeconfig on the hub, and when its token is to be
// renewed. It reads and writes nothing.
package grant

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
)

// namespacePrefix begins the name of the namespace that a broker has on each spoke.
const namespacePrefix = "capi-inventory-"

// Names are those of everything that is made for one AccessGrant. They follow from the hub and from the grant's own name, so that two
// hubs never share an object of a spoke, and nothing has to be remembered to find what was made.
type Names struct {
	// Hub is a digest that identifies the hub and the publisher class.
	Hub string
	// Grant is a digest that identifies the grant among those of all hubs.
	Grant string
	// Namespace and ServiceAccount are on the spoke.
	Namespace      string
	ServiceAccount string
}

// HubOf returns the digest of a hub, by the UID of its namespace kube-system, and a publisher class: two brokers of one hub share
// nothing either.
func HubOf(kubeSystem types.UID, class string) string { return digest(string(kubeSystem), class) }

// NamesOf returns the names for an AccessGrant of a hub. A namespace has no dot, so that no two grants have one ServiceAccount.
func NamesOf(hub string, grant types.NamespacedName) Names {
	names := Names{
		Hub:            hub,
		Grant:          digest(hub, grant.String()),
		Namespace:      namespacePrefix + hub,
		ServiceAccount: grant.Namespace + "." + grant.Name,
	}
	if len(names.ServiceAccount) > validation.DNS1123SubdomainMaxLength {
		names.ServiceAccount = grant.Namespace + "." + names.Grant
	}
	return names
}

// User is the name under which the spoke knows the ServiceAccount.
func (n Names) User() string { return "system:serviceaccount:" + n.Namespace + ":" + n.ServiceAccount }

// role is the name of the ClusterRole with the rules of the grant.
func (n Names) role() string { return "capi-inventory:" + n.Grant }

// binding is the name of the binding of a ClusterRole: the role of a binding cannot be changed, so that each role has its own.
func (n Names) binding(role string) string { return n.role() + ":" + role }

// digest is 60 bits of a hash in base32: lower-case letters and digits.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:12]
}
