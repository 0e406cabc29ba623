// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	inventoryac "github.com/capi-inventory/capi-inventory/api/applyconfiguration/multicluster/v1alpha1"
)

// busy is what the publisher does while others write what it watches, but nothing of which a profile is made.
type busy struct {
	took time.Duration
	// others is how often the others wrote, and writes how often the publisher did.
	others, writes float64
	processor      time.Duration
}

// How often the others write each object. The property is a heartbeat, which some cluster managers write as often.
const (
	clusterInterval  = 10 * time.Minute
	tokenInterval    = 10 * time.Minute
	propertyInterval = 30 * time.Second
)

// busy leaves a settled publisher alone with three writers: a replica count of each Cluster, a new token in each kubeconfig, and another
// manager's property on each profile.
func (s *stage) busy(ctx context.Context) (out busy, err error) {
	publisher, _, err := s.publishSettled(ctx)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, publisher.stop()) }()
	writes, err := publisher.count(ctx, anyWrite)
	if err != nil {
		return out, err
	}
	processor, err := publisher.processorTime()
	if err != nil {
		return out, err
	}
	began := time.Now()
	if err := s.disturb(ctx, &out); err != nil {
		return out, err
	}
	out.took = time.Since(began)
	if out.writes, err = publisher.count(ctx, anyWrite); err != nil {
		return out, err
	}
	out.writes -= writes
	if out.processor, err = publisher.processorTime(); err != nil {
		return out, err
	}
	out.processor -= processor
	say("others wrote %.0f times in %s, the publisher %.0f times", out.others, out.took.Round(time.Second), out.writes)
	return out, nil
}

// disturb writes as the others do, for as long as the plan says.
func (s *stage) disturb(ctx context.Context, out *busy) error {
	writers := []struct {
		every time.Duration
		write func(ctx context.Context, n int) error
	}{
		{clusterInterval, s.scaleCluster},
		{tokenInterval, s.rotateToken},
		{propertyInterval, s.renewHeartbeat},
	}
	for _, w := range writers {
		out.others += float64(s.writesOf(w.every))
	}
	return parallel(ctx, len(writers), len(writers), func(ctx context.Context, i int) error {
		w := writers[i]
		pace := rate.NewLimiter(rate.Limit(float64(s.size)/w.every.Seconds()), 1)
		return parallel(ctx, s.plan.concurrency, s.writesOf(w.every), func(ctx context.Context, n int) error {
			if err := pace.Wait(ctx); err != nil {
				return err
			}
			return patiently(func() error { return w.write(ctx, n) })
		})
	})
}

// writesOf is how often a writer writes that comes to each object so often.
func (s *stage) writesOf(every time.Duration) int {
	return int(float64(s.size) * s.plan.busy.Seconds() / every.Seconds())
}

func (s *stage) scaleCluster(ctx context.Context, n int) error {
	cluster := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: fleet, Name: clusterName(n % s.size)}}
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"status":{"workers":{"readyReplicas":%d}}}`, n))
	if err := s.client.Status().Patch(ctx, cluster, patch); err != nil {
		return fmt.Errorf("writing the status of a Cluster: %w", err)
	}
	return nil
}

func (s *stage) rotateToken(ctx context.Context, n int) error {
	secret := &corev1.Secret{}
	name := clusterName(n % s.size)
	if err := s.client.Get(ctx, types.NamespacedName{Namespace: fleet, Name: name + "-kubeconfig"}, secret); err != nil {
		return fmt.Errorf("reading a Secret: %w", err)
	}
	if err := rewriteKubeconfig(secret, name, "", fmt.Sprintf("token-%d", n)); err != nil {
		return err
	}
	if err := s.client.Update(ctx, secret); err != nil {
		return fmt.Errorf("writing a Secret: %w", err)
	}
	return nil
}

func (s *stage) renewHeartbeat(ctx context.Context, n int) error {
	status := inventoryac.ClusterProfileStatus().WithProperties(
		inventoryac.Property().WithName("heartbeat.example.com").WithValue(fmt.Sprint(n)))
	profile := inventoryac.ClusterProfile(clusterName(n%s.size), fleet).WithStatus(status)
	if err := s.client.Status().Apply(ctx, profile, client.FieldOwner("bench")); err != nil {
		return fmt.Errorf("writing a property: %w", err)
	}
	return nil
}
