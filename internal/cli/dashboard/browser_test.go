// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// tab is a tab of a real browser.
type tab struct {
	t testing.TB
	// do has the browser do something.
	do func(...chromedp.Action) error

	mu sync.Mutex
	// requests are the URLs that it has requested, and errors what it has complained of.
	requests, errors []string
}

// startBrowser starts a headless Chromium with an empty tab.
func startBrowser(tb testing.TB) *tab {
	tb.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		tb.Skip("NOT TESTED: the page needs a browser, and there is neither Chromium nor Chrome in PATH (apt-get install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program),
		chromedp.WSURLReadTimeout(patience), chromedp.Flag("disable-dev-shm-usage", true), chromedp.WindowSize(1440, 900))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*patience)
	tb.Cleanup(stop)
	ctx, stopBrowser := chromedp.NewExecAllocator(ctx, options...)
	tb.Cleanup(stopBrowser)
	// chromedp reports events that it does not know as errors.
	ctx, closeTab := chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	tb.Cleanup(closeTab)
	// The browser ends before its folder is removed.
	tb.Cleanup(func() { _ = chromedp.Cancel(ctx) })
	one := &tab{t: tb, do: func(actions ...chromedp.Action) error { return chromedp.Run(ctx, actions...) }}
	chromedp.ListenTarget(ctx, one.listen)
	one.run(network.Enable(), log.Enable())
	return one
}

func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, event.Request.URL)
	case *runtime.EventExceptionThrown:
		b.errors = append(b.errors, event.ExceptionDetails.Error())
	case *log.EventEntryAdded:
		if event.Entry.Level == log.LevelError {
			b.errors = append(b.errors, event.Entry.Text+" "+event.Entry.URL)
		}
	}
}

func (b *tab) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := b.do(actions...); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.t.Fatalf("%v; the browser has complained of %q", err, b.errors)
	}
}

// until waits until an expression of JavaScript is true.
func (b *tab) until(expression string) {
	b.t.Helper()
	var is bool
	if err := b.do(chromedp.Poll(expression, &is, chromedp.WithPollingTimeout(patience))); err != nil {
		var page string
		_ = b.do(chromedp.Evaluate("document.body.innerText", &page))
		b.t.Fatalf("%v: waiting for %s on the page\n%s", err, expression, page)
	}
}

// asked fails the test if the browser has requested something else than the dashboard, or complained.
func (b *tab) asked(d *Dashboard) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, url := range b.requests {
		if !strings.HasPrefix(url, "http://"+d.listener.Addr().String()+"/") {
			b.t.Errorf("the page has requested %s", url)
		}
	}
	if len(b.errors) > 0 {
		b.t.Errorf("the browser complains: %q", b.errors)
	}
}

// is returns an expression: the tile of a profile has the state.
func is(namespace, name, state string) string {
	return fmt.Sprintf(`!!document.querySelector('button.tile.%s[data-key="%s/%s"]')`, state, namespace, name)
}

// evaluate runs JavaScript.
func (b *tab) evaluate(script string) {
	b.t.Helper()
	b.run(chromedp.Evaluate(script+"; undefined", nil))
}

// button returns an expression: the button of the summary with a key.
func button(key string) string {
	return fmt.Sprintf("document.querySelector('#summary button[data-key=%q]')", key)
}

// openInventory opens the details of an Inventory that selects the Cluster london of the namespace that it is named after.
func (b *tab) openInventory(namespace string) {
	b.t.Helper()
	opener := button("inventory " + namespace)
	b.until("!!" + opener)
	b.evaluate(opener + ".focus()")
	b.evaluate(opener + ".click()")
	b.until(contains("dialog[open]", namespace+"/london"))
}

// shown returns an expression: so many tiles are shown.
func shown(tiles int) string {
	return fmt.Sprintf("document.querySelectorAll('button.tile').length === %d", tiles)
}

// TestPage clicks through the page of a small fleet.
func TestPage(t *testing.T) {
	b := startBrowser(t)
	namespace := newNamespace(t)
	newProfile(t, namespace, "london")
	newProfile(t, namespace, "paris", func(p *inventoryv1alpha1.ClusterProfile) {
		p.Labels = map[string]string{"env": "prod"}
		p.Status.Version.Kubernetes = "v1.35.1"
	})
	check := newCheck(t, namespace, "london", v1alpha1.ReasonReachable)
	newCheck(t, namespace, "paris", v1alpha1.ReasonConnectFailed)
	d := serve(t, env.hub.Config(), namespace)

	b.run(chromedp.Navigate(d.URL()))
	b.until(is(namespace, "london", "fine"))
	b.until(is(namespace, "paris", "unreachable"))
	b.until("location.search === ''")
	b.until("document.getElementById('live').textContent === '2 profiles'")

	t.Log("a search")
	b.run(chromedp.SendKeys("#search", "env=prod version:v1.35"))
	b.until(shown(1) + " && " + is(namespace, "paris", "unreachable"))
	b.until("new URLSearchParams(location.search).get('q') === 'env=prod version:v1.35'")
	b.run(chromedp.Reload())
	b.until(shown(1) + " && document.getElementById('search').value === 'env=prod version:v1.35'")
	b.run(chromedp.Evaluate("document.getElementById('search').value = ''; "+
		"document.getElementById('search').dispatchEvent(new Event('input'))", nil))
	b.until(shown(2))

	t.Log("a state")
	b.run(chromedp.Click("button.state.fine"))
	b.until(shown(1) + " && " + is(namespace, "london", "fine"))
	b.run(chromedp.Click("button.state.fine"))
	b.until(shown(2))

	t.Log("a profile, by the keyboard")
	b.run(chromedp.Focus(fmt.Sprintf(`button.tile[data-key="%s/london"]`, namespace)), chromedp.KeyEvent("\r"))
	b.until("document.querySelector('dialog[open] .headline.fine') !== null")
	b.until("document.querySelectorAll('dialog .stages li.passed').length === 8")
	b.until("document.querySelector('dialog').innerText.includes('kubectl inventory check london -o wide -n " + namespace + "')")
	b.until("document.querySelector('dialog').innerText.includes('status.conditions[ControlPlaneHealthy]')")

	t.Log("an update while it is open")
	report(t, check, v1alpha1.ReasonTLSFailed)
	b.until(is(namespace, "london", "unreachable"))
	b.until("document.querySelector('dialog[open] .headline.unreachable') !== null")
	b.until("document.querySelector('dialog .stages li.failed').innerText.includes('tls 11 ms')")
	b.run(chromedp.KeyEvent("\x1b"))
	b.until("document.querySelector('dialog[open]') === null && !location.search.includes('profile')")

	t.Log("a new profile, and a deleted one")
	rome := newProfile(t, namespace, "rome")
	b.until(is(namespace, "rome", "fine"))
	must(t, env.k8s.Delete(t.Context(), rome))
	b.until(shown(2))
	b.until("document.getElementById('summary').innerText.includes('deleted')")
	b.asked(d)
}

// TestPageWithoutRights: what may not be read is said, and the rest is shown.
func TestPageWithoutRights(t *testing.T) {
	b := startBrowser(t)
	namespace := newNamespace(t)
	newProfile(t, namespace, "london")
	newCheck(t, namespace, "london", v1alpha1.ReasonConnectFailed)
	d := serve(t, as(t, namespace+"-viewer", reading(inventoryv1alpha1.Group, "clusterprofiles")), namespace)
	b.run(chromedp.Navigate(d.URL()))
	b.until(is(namespace, "london", "fine"))
	b.until("document.querySelector('.banner[data-kind=SpokeChecks]').innerText.includes('You may not watch SpokeChecks')")
	b.asked(d)
}
