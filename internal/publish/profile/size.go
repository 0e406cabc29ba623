// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
)

// maxAccess is how many bytes the access providers of a profile have together. etcd takes objects of 1.5 MiB, and refuses a larger
// one whole; the rest is for annotations, which have 256 KiB, and 64 properties, which have 6 KiB each at most in JSON.
const maxAccess = 768 << 10

// candidate is what is decided of an access provider: the cluster to publish, nil for none, and why it is not what the provider
// gives now, nil where it is.
type candidate struct {
	provider
	profile types.NamespacedName
	cluster *clientcmdv1.Cluster
	fault   *Problem
}

// candidates decides each access provider, in the Inventory's order.
func (inv *Inventory) candidates(f Facts) []candidate {
	all := make([]candidate, 0, len(inv.providers))
	total := 0
	for _, p := range inv.providers {
		c := candidate{provider: p, profile: inv.Key(f.Cluster)}
		if c.cluster, c.fault = p.cluster(f, c.profile); c.fault != nil && c.cluster == nil {
			c.cluster = p.lastGood(f, c.profile)
		}
		total += sizeOf(c.cluster)
		all = append(all, c)
	}
	if total > maxAccess {
		bound(f, all)
	}
	return all
}

// bound leaves providers as they were last published, or out, until all of them together are small enough. What is published
// already is counted first: no provider loses a working access because another one grows.
func bound(f Facts, all []candidate) {
	published := make([]*clientcmdv1.Cluster, len(all))
	total := 0
	for i, c := range all {
		published[i] = c.lastGood(f, c.profile)
		total += min(sizeOf(c.cluster), sizeOf(published[i]))
	}
	for i, c := range all {
		growth := sizeOf(c.cluster) - sizeOf(published[i])
		switch {
		case growth <= 0:
		case total+growth <= maxAccess:
			total += growth
		default:
			field, size := largest(c.cluster)
			all[i].cluster = published[i]
			err := fmt.Errorf("it has %d bytes, of which %s has %d; all access providers of a profile may have %d together",
				sizeOf(c.cluster), field, size, maxAccess)
			all[i].fault = c.skipped("", err)
		}
	}
}

// sizeOf is how many bytes a cluster has in JSON, but for the names of its fields.
func sizeOf(cluster *clientcmdv1.Cluster) int {
	if cluster == nil {
		return 0
	}
	size := len(cluster.Server) + len(cluster.ProxyURL) + len(cluster.TLSServerName) + sizeOfAuthority(cluster)
	for _, extension := range cluster.Extensions {
		size += len(extension.Name) + len(extension.Extension.Raw)
	}
	return size
}

func sizeOfAuthority(cluster *clientcmdv1.Cluster) int {
	return base64.StdEncoding.EncodedLen(len(cluster.CertificateAuthorityData))
}

// largest is the field of a provider with the most bytes, as the Inventory names it.
func largest(cluster *clientcmdv1.Cluster) (field string, size int) {
	field, size = "certificateAuthority", sizeOfAuthority(cluster)
	for _, extension := range cluster.Extensions {
		var parameters map[string]json.RawMessage
		if json.Unmarshal(extension.Extension.Raw, &parameters) != nil {
			// Not an object, which clusterOf never makes.
			continue
		}
		for name, raw := range parameters {
			if parameter := fmt.Sprintf("extension[%s]", name); len(raw) > size || len(raw) == size && parameter < field {
				field, size = parameter, len(raw)
			}
		}
	}
	return field, size
}
