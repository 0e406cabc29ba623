// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// edits is what a settled publisher does while its Inventory is edited again and again, so that every status has to be written.
type edits struct {
	// after is how long after the last edit all profiles were as it says.
	after     time.Duration
	writes    float64
	processor time.Duration
}

// editCount is how often the Inventory is edited, a second apart.
const editCount = 30

func (s *stage) edit(ctx context.Context) (out edits, err error) {
	publisher, _, err := s.publishSettled(ctx)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, publisher.stop()) }()
	writes, err := publisher.count(ctx, statuses)
	if err != nil {
		return out, err
	}
	processor, err := publisher.processorTime()
	if err != nil {
		return out, err
	}
	var last time.Time
	for n := range editCount {
		if err := s.editOnce(ctx, n+1); err != nil {
			return out, err
		}
		last = time.Now()
		if err := wait(ctx, time.Second); err != nil {
			return out, err
		}
	}
	if out.after, err = s.followed(ctx, publisher, last); err != nil {
		return out, err
	}
	if out.writes, err = publisher.count(ctx, statuses); err != nil {
		return out, err
	}
	out.writes -= writes
	if out.processor, err = publisher.processorTime(); err != nil {
		return out, err
	}
	out.processor -= processor
	say("%d edits: %.0f statuses written, all %s after the last", editCount, out.writes, out.after.Round(100*time.Millisecond))
	return out, nil
}

// followed waits until all profiles are as the Inventory says, and returns how long after its last edit that is. A profile that has been
// written ten times at once is written again half a minute later.
func (s *stage) followed(ctx context.Context, publisher *process, edited time.Time) (time.Duration, error) {
	for {
		settled, err := publisher.settled(ctx, s.size)
		if err != nil {
			return 0, err
		}
		if err := s.verify(ctx); err == nil || time.Since(edited) > patience {
			return publisher.began.Add(settled).Sub(edited), err
		}
	}
}

// editOnce edits the Inventory that publishes into the Clusters' own namespace.
func (s *stage) editOnce(ctx context.Context, n int) error {
	s.edited = n
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"properties": s.shape.expressions(n)}})
	if err != nil {
		return fmt.Errorf("encoding an edit: %w", err)
	}
	if err := s.client.Patch(ctx, s.inventory, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("editing the Inventory: %w", err)
	}
	return nil
}
