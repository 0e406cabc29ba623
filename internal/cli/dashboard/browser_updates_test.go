// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// fastTimers has timers that repeat do so a hundred times as often.
const fastTimers = "const repeat = setInterval; setInterval = (work, pause) => repeat(work, pause / 100);"

// focused returns an expression: the button of the summary with a key has the focus.
func focused(key string) string {
	return fmt.Sprintf("document.activeElement === %[1]s && !!%[1]s", button(key))
}

// TestOpenProfileFollowsTheHub: open details show what the tile does not, and their times pass.
func TestOpenProfileFollowsTheHub(t *testing.T) {
	b := startBrowser(t)
	namespace := newNamespace(t)
	newProfile(t, namespace, "london", func(p *inventoryv1alpha1.ClusterProfile) {
		p.Labels = map[string]string{v1alpha1.LabelClusterNamespace: namespace, v1alpha1.LabelClusterName: "london"}
	})
	check := newCheck(t, namespace, "london", v1alpha1.ReasonReachable)
	d := serve(t, env.hub.Config(), namespace)
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(fastTimers).Do(ctx)
		return err
	}), chromedp.Navigate(d.URL()))
	b.until(is(namespace, "london", "fine"))
	b.run(chromedp.Click(fmt.Sprintf(`button.tile[data-key="%s/london"]`, namespace)))
	b.until(contains("dialog[open]", "ClusterProfiles outside of "+namespace))
	b.until("document.querySelector('dialog[open]').innerText.includes('Not known')")
	b.until("!document.querySelector('dialog[open]').innerText.includes('You may not read')")

	t.Log("a check that has the same result")
	for _, user := range []string{"jane", "joe"} {
		check.Status.User = user
		must(t, env.k8s.Status().Update(t.Context(), check))
		b.until(contains("dialog[open]", user))
	}

	t.Log("times")
	b.evaluate("const time = document.createElement('time'); time.id = 'old'; time.dateTime = '2020-01-02T03:04:05Z'; " +
		"document.getElementById('details').append(time)")
	b.until("document.getElementById('old').textContent.endsWith(' d ago')")
	b.asked(d)
}

// TestOpenInventoryFollowsTheHub: open details show what the summary does not, and the focus returns to the button that has opened them.
func TestOpenInventoryFollowsTheHub(t *testing.T) {
	b := startBrowser(t)
	namespace := newNamespace(t)
	newInventory(t, namespace)
	d := serve(t, env.hub.Config(), namespace)
	b.run(chromedp.Navigate(d.URL()))
	b.until(is(namespace, "london", "fine"))
	b.openInventory(namespace)
	for i, message := range []string{"The first message.", "The second message."} {
		inventory := &v1alpha1.Inventory{}
		must(t, env.k8s.Get(t.Context(), client.ObjectKey{Name: namespace}, inventory))
		inventory.Status.Clusters = 7
		inventory.Status.Problems = make([]v1alpha1.InventoryProblem, v1alpha1.MaxProblems)
		for n := range inventory.Status.Problems {
			inventory.Status.Problems[n] = v1alpha1.InventoryProblem{
				Cluster: namespace + "/london",
				Reason:  v1alpha1.ProblemContested,
				Message: fmt.Sprint(i),
			}
		}
		inventory.Status.Conditions = []metav1.Condition{{
			Type:               v1alpha1.ConditionReady,
			Status:             metav1.ConditionFalse,
			Reason:             v1alpha1.ReasonPublishing,
			Message:            message,
			LastTransitionTime: metav1.Now(),
		}}
		must(t, env.k8s.Status().Update(t.Context(), inventory))
		b.until(contains("dialog[open]", message))
	}
	b.until(contains("#summary", "0 of 7 published, problems: 20+"))
	b.until(contains("dialog[open]", "These are the first ones"))
	b.run(chromedp.KeyEvent("\x1b"))
	b.until("document.querySelector('dialog[open]') === null")
	b.until(focused("inventory " + namespace))
	b.asked(d)
}

// TestUpdatesKeepTheFocus: the focus stays on the button of the same profile, and a text that is the same is not announced again.
func TestUpdatesKeepTheFocus(t *testing.T) {
	b := startBrowser(t)
	namespace := newNamespace(t)
	london := newProfile(t, namespace, "london")
	newProfile(t, namespace, "paris")
	d := serve(t, env.hub.Config(), namespace)
	b.run(chromedp.Navigate(d.URL()))
	key := "changed " + namespace + "/paris"
	b.until("!!" + button(key))
	b.evaluate(button(key) + ".focus()")
	b.until(focused(key))
	newProfile(t, namespace, "rome", func(p *inventoryv1alpha1.ClusterProfile) {
		// It is the first of the list.
		p.Status.Conditions[0].LastTransitionTime = metav1.NewTime(time.Now().Add(time.Minute))
	})
	b.until("!!" + button("changed "+namespace+"/rome"))
	b.until(focused(key))

	b.until("document.getElementById('live').textContent === '3 profiles'")
	b.evaluate("window.rewritten = 0; new MutationObserver((all) => { window.rewritten += all.length; })" +
		".observe(document.getElementById('live'), { childList: true, characterData: true, subtree: true })")
	london.Status.Conditions[0].Status = metav1.ConditionFalse
	must(t, env.k8s.Status().Update(t.Context(), london))
	b.until(is(namespace, "london", "unhealthy"))
	b.until("window.rewritten === 0")
	b.until(focused(key))

	t.Log("details that were opened from the summary")
	b.evaluate(button(key) + ".click()")
	b.until("document.querySelector('dialog[open] .headline.fine') !== null")
	newProfile(t, namespace, "oslo")
	b.until("!!" + button("changed "+namespace+"/oslo"))
	b.run(chromedp.KeyEvent("\x1b"))
	b.until(focused(key))
	b.asked(d)
}

// TestBarsFindWhatTheyCount: a bar of the summary adds a term that finds its profiles and no others.
func TestBarsFindWhatTheyCount(t *testing.T) {
	b := startBrowser(t)
	namespace := newNamespace(t)
	for name, version := range map[string]string{"london": "v1.36.1", "paris": "v1.36.10", "rome": "v1.36.1", "oslo": "of the vendor"} {
		newProfile(t, namespace, name, func(p *inventoryv1alpha1.ClusterProfile) {
			p.Status.Version.Kubernetes, p.Status.Conditions[0].Reason = version, "Checked"
			if name != "oslo" {
				p.Labels = map[string]string{"env": "prod"}
			}
			if name == "rome" {
				p.Status.Conditions[0].Status = metav1.ConditionFalse
			}
		})
	}
	d := serve(t, env.hub.Config(), namespace)
	b.run(chromedp.Navigate(d.URL()))
	b.until(shown(4))
	b.until(button(`reason:=Checked`) + "?.querySelector('.number').textContent === '1'")
	b.evaluate(button(`reason:=Checked`) + ".click()")
	b.until(shown(1) + " && " + is(namespace, "rome", "unhealthy"))

	t.Log("a value with spaces")
	search := "document.getElementById('search')"
	typed := func(q string) string {
		return fmt.Sprintf("%[1]s.value = %[2]q; %[1]s.dispatchEvent(new Event('input'))", search, q)
	}
	b.evaluate(typed(""))
	b.until(shown(4))
	spaces := "[...document.querySelectorAll('#summary .bars button')].find((one) => one.innerText.includes('of the vendor'))"
	b.until("!!" + spaces)
	b.evaluate(spaces + ".click()")
	b.until(shown(1) + " && " + is(namespace, "oslo", "fine"))
	b.until(search + `.value === 'version:="of the vendor"'`)

	t.Log("under a query, and with a state")
	b.evaluate(typed("env=prod"))
	b.until(shown(3))
	b.run(chromedp.Click("button.state.unhealthy"))
	b.until(shown(1))
	b.evaluate(button(`version:=v1.36.1`) + ".click()")
	b.until(shown(2) + " && " + is(namespace, "london", "fine") + " && " + is(namespace, "rome", "unhealthy"))
	b.until("new URLSearchParams(location.search).get('q') === 'env=prod version:=v1.36.1'")
	b.asked(d)
}

// TestPageOfAnEarlierRun: a page whose token is no longer valid says so.
func TestPageOfAnEarlierRun(t *testing.T) {
	b := startBrowser(t)
	d := serve(t, env.hub.Config(), newNamespace(t))
	b.run(chromedp.Navigate(d.URL()))
	b.until(contains("#empty", "No ClusterProfiles"))
	b.run(network.ClearBrowserCookies())
	b.evaluate("import('/stream.js').then(({ get }) => get('/api/about')).catch((error) => { window.said = error.message; })")
	b.until("window.said?.includes('the token of an earlier run')")
}
