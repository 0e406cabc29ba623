// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	// chunk is the number of tiles in an event: a page shows the first while it gets the others.
	chunk = 500
	// beat is how often something is sent although nothing has changed, so that a dead connection is noticed.
	beat = 15 * time.Second
	// writeTimeout is how long a browser may take to read an event.
	writeTimeout = 30 * time.Second
)

// events writes Server-Sent Events.
type events struct {
	w          http.ResponseWriter
	controller *http.ResponseController
}

// stream sends everything, and then what changes, until the browser is gone. A browser that connects again gets everything again.
func (d *Dashboard) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	out := events{w: w, controller: http.NewResponseController(w)}
	one := d.store.subscribe()
	defer d.store.unsubscribe(one)
	if err := d.first(out, one); err != nil {
		return
	}
	beats := time.NewTicker(beat)
	defer beats.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-beats.C:
			if out.send("beat", struct{}{}) != nil {
				return
			}
			continue
		case <-one.wake:
		}
		if err := d.rest(out, one); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(d.options.Batch):
		}
	}
}

// first sends everything, in chunks. The page discards what it has shown before and is not among it.
func (d *Dashboard) first(out events, one *subscriber) error {
	if err := out.send("reset", struct{}{}); err != nil {
		return err
	}
	if err := d.rest(out, one); err != nil {
		return err
	}
	return out.send("complete", struct{}{})
}

// rest sends what has changed, in chunks.
func (d *Dashboard) rest(out events, one *subscriber) error {
	for {
		changed := d.store.take(one, chunk)
		if changed.Status != nil {
			if err := out.send("status", changed.Status); err != nil {
				return err
			}
		}
		if changed.number() > 0 {
			if err := out.send("tiles", changed); err != nil {
				return err
			}
		}
		if !changed.more {
			return nil
		}
	}
}

func (e events) send(name string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	if err := e.controller.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("streaming: %w", err)
	}
	if _, err := fmt.Fprintf(e.w, "event: %s\ndata: %s\n\n", name, raw); err != nil {
		return fmt.Errorf("streaming: %w", err)
	}
	if err := e.controller.Flush(); err != nil {
		return fmt.Errorf("streaming: %w", err)
	}
	return nil
}
