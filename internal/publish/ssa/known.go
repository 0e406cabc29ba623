// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package ssa

import (
	"encoding/json"
	"sync"
)

const (
	// maxKnown is how many sets of fields are kept decoded: a manager owns the same ones of many objects.
	maxKnown = 256
	// maxKnownSize is the length of the longest set that is kept, in JSON.
	maxKnownSize = 8 << 10
)

// known are decoded sets of fields by their JSON. Nobody changes them. When there are too many, it starts again empty.
var known = struct {
	sync.Mutex
	sets map[string]fields
}{sets: map[string]fields{}}

// decode returns the fields of an entry of managedFields: each event of a profile is read by several controllers, and to decode what is
// owned of it costs more than what they look for.
func decode(raw string) (fields, error) {
	known.Lock()
	owned, found := known.sets[raw]
	known.Unlock()
	if found {
		return owned, nil
	}
	if err := json.Unmarshal([]byte(raw), &owned); err != nil {
		return nil, err
	}
	if len(raw) > maxKnownSize {
		return owned, nil
	}
	known.Lock()
	defer known.Unlock()
	if len(known.sets) >= maxKnown {
		known.sets = map[string]fields{}
	}
	known.sets[raw] = owned
	return owned, nil
}
