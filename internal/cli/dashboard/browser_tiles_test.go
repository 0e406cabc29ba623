// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	_ "embed"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/tiles.js
var tilesScript string

// TestOrderOfTiles: whatever changes, the tiles are shown in the order that is wanted, one that goes to another place moves few others,
// and the focus stays.
func TestOrderOfTiles(t *testing.T) {
	b := startBrowser(t)
	d := serve(t, env.hub.Config(), newNamespace(t))
	b.run(chromedp.Navigate(d.URL()))
	var fault string
	b.run(
		chromedp.Evaluate(tilesScript, &fault, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
	)
	if fault != "" {
		t.Error(fault)
	}
	b.asked(d)
}
