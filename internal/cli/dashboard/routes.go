// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capi-inventory/capi-inventory/internal/cli/dashboard/page"
	"github.com/capi-inventory/capi-inventory/internal/cli/lookup"
)

// routes returns what the guard lets through.
func (d *Dashboard) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", page.Handler())
	mux.HandleFunc("GET /api/about", d.about)
	mux.HandleFunc("GET /api/stream", d.stream)
	mux.HandleFunc("GET /api/hint", d.hint)
	mux.HandleFunc("GET /api/profile", d.profile)
	mux.HandleFunc("GET /api/inventory", d.inventory)
	return mux
}

// about returns what does not change while the dashboard runs.
func (d *Dashboard) about(w http.ResponseWriter, _ *http.Request) {
	respond(w, map[string]string{"hub": d.options.Name, "namespace": d.options.Namespace}, nil)
}

// hint returns why there are no profiles.
func (d *Dashboard) hint(w http.ResponseWriter, r *http.Request) {
	hub := d.hub()
	if d.store.kindState(kindProfiles) == stateAbsent {
		respond(w, map[string]string{"hint": lookup.NotServed(hub).Error()}, nil)
		return
	}
	hint := lookup.HintOfPage(r.Context(), hub, lookup.Selection{Namespace: d.options.Namespace})
	respond(w, map[string]string{"hint": hint}, nil)
}

func (d *Dashboard) profile(w http.ResponseWriter, r *http.Request) {
	key := types.NamespacedName{Namespace: r.URL.Query().Get("namespace"), Name: r.URL.Query().Get("name")}
	details, err := d.profileDetails(r.Context(), key)
	respond(w, details, err)
}

func (d *Dashboard) inventory(w http.ResponseWriter, r *http.Request) {
	details, err := d.inventoryDetails(r.Context(), r.URL.Query().Get("name"))
	respond(w, details, err)
}

// respond writes a value, or an error. The value is encoded first, so that a failure is not an empty success.
func respond[T any](w http.ResponseWriter, value T, err error) {
	code := http.StatusOK
	switch {
	case isGone(err):
		code = http.StatusNotFound
	case err != nil:
		code = http.StatusBadGateway
	}
	var raw []byte
	if err == nil {
		if raw, err = json.Marshal(value); err != nil {
			code, err = http.StatusInternalServerError, fmt.Errorf("encoding: %w", err)
		}
	}
	if err != nil {
		// Texts can always be encoded.
		raw, _ = json.Marshal(map[string]string{"error": bounded(err.Error())})
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	// The browser may be gone.
	_, _ = w.Write(raw)
}
