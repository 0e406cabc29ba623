// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"k8s.io/client-go/kubernetes"
)

// requests is how many requests for the resources and verbs that are wanted the API server has counted, of all clients.
func (s *stage) requests(ctx context.Context, wanted func(resource, verb string) bool) (float64, error) {
	return s.serverMetric(ctx, func(line string) bool {
		return strings.HasPrefix(line, "apiserver_request_total{") && wanted(labelOf(line, "resource"), labelOf(line, "verb"))
	})
}

// stored is the size of etcd's database, in MiB.
func (s *stage) stored(ctx context.Context) (float64, error) {
	size, err := s.serverMetric(ctx, func(line string) bool { return strings.HasPrefix(line, "apiserver_storage_size_bytes{") })
	return size / (1 << 20), err
}

// serverMetric adds up the series of the API server that are wanted.
func (s *stage) serverMetric(ctx context.Context, wanted func(line string) bool) (float64, error) {
	clients, err := kubernetes.NewForConfig(s.hub.Config())
	if err != nil {
		return 0, fmt.Errorf("connecting to the hub: %w", err)
	}
	page, err := clients.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading the API server's metrics: %w", err)
	}
	return sum(bytes.NewReader(page), wanted)
}

// labelOf returns the value of a label of a series, which must not be its first one; empty if it has none.
func labelOf(series, name string) string {
	_, rest, _ := strings.Cut(series, ","+name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}
