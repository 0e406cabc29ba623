// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

// contains returns an expression: an element shows a text.
func contains(selector, text string) string {
	return fmt.Sprintf("!!document.querySelector(%q)?.innerText.includes(%q)", selector, text)
}

// TestPageOfAnInventory: who is selected, who is not, and why.
func TestPageOfAnInventory(t *testing.T) {
	b := startBrowser(t)
	namespace := newNamespace(t)
	newInventory(t, namespace)
	d := serve(t, env.hub.Config(), namespace)

	b.run(chromedp.Navigate(d.URL()))
	b.until(is(namespace, "london", "fine"))
	b.until(contains("#summary", "No publisher has processed it yet"))
	b.openInventory(namespace)
	b.until(contains("dialog[open]", namespace+"/rome"))
	b.until(contains("dialog[open]", "1 NotSelected"))
	b.until(contains("dialog[open]", v1alpha1.LabelPublish))
	b.until("new URLSearchParams(location.search).get('inventory') === '" + namespace + "'")
	b.run(chromedp.KeyEvent("\x1b"))
	b.until("document.querySelector('dialog[open]') === null && !location.search.includes('inventory')")
	b.asked(d)
}

// TestPageOfAnEmptyHub: the page says what is missing, and shows the first profile without a reload.
func TestPageOfAnEmptyHub(t *testing.T) {
	b := startBrowser(t)
	empty := apiserver.StartFor(t)
	d := serve(t, empty.Config(), "")
	b.run(chromedp.Navigate(d.URL()))
	b.until(contains(".banner[data-kind=ClusterProfiles]", "The hub does not serve ClusterProfiles"))
	b.until(contains("#empty", "install the API"))
	must(t, empty.Install(apiserver.ClusterProfiles))
	b.until(contains("#empty", "No cluster manager publishes ClusterProfiles") + " && document.querySelector('.banner') === null")
	b.asked(d)

	namespace := newNamespace(t)
	d = serve(t, env.hub.Config(), namespace)
	b = startBrowser(t)
	b.run(chromedp.Navigate(d.URL()))
	b.until(contains("#empty", "No ClusterProfiles in the namespace "+namespace))
	newProfile(t, namespace, "london")
	b.until(is(namespace, "london", "fine") + " && document.getElementById('empty') === null")
	b.asked(d)
}

// TestPageOfAHubThatIsAway: the last state stays, and the page says that it may be old.
func TestPageOfAHubThatIsAway(t *testing.T) {
	b := startBrowser(t)
	namespace := newNamespace(t)
	newProfile(t, namespace, "london")
	d, port := serveByPort(t, namespace)
	b.run(chromedp.Navigate(d.URL()))
	b.until(is(namespace, "london", "fine"))
	must(t, port.Close())
	port.Drop()
	b.until(contains(".banner[data-kind=away]", "The hub does not respond") + " && " + is(namespace, "london", "fine"))
	must(t, port.Reopen())
	newProfile(t, namespace, "paris")
	b.until(is(namespace, "paris", "fine") + " && document.querySelector('.banner') === null")
	b.asked(d)
}
