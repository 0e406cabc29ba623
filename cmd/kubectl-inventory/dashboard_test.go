// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// TestDashboard: the printed URL leads to a page of the hub, until the first Ctrl-C. No browser is opened: the output is not a terminal.
func TestDashboard(t *testing.T) {
	g := gomega.NewWithT(t)
	var out, errOut screen
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, genericiooptions.IOStreams{Out: &out, ErrOut: &errOut}, later,
			[]string{"--kubeconfig", in("hub.kubeconfig"), "dashboard"})
	}()
	g.Eventually(out.lines).WithTimeout(testTimeout).Should(gomega.HaveLen(1))
	page, err := url.Parse(out.lines()[0])
	must(t, err)
	g.Expect(page.Hostname()).To(gomega.Equal("127.0.0.1"))

	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Jar: jar}
	get := func(address string) string {
		response, err := browser.Get(address)
		must(t, err)
		body, err := io.ReadAll(response.Body)
		must(t, err)
		must(t, response.Body.Close())
		return string(body)
	}
	g.Expect(get(page.String())).To(gomega.ContainSubstring(`<main id="fleet"`))
	page.RawQuery, page.Path = "namespace=team-a&name=london", "/api/profile"
	g.Eventually(func() string { return get(page.String()) }).WithTimeout(testTimeout).
		Should(gomega.ContainSubstring("kubectl inventory check london"))

	interrupt()
	g.Eventually(ended).WithTimeout(testTimeout).Should(gomega.Receive(gomega.Equal(0)))
	g.Expect(errOut.lines()).To(gomega.BeEmpty())
}

// TestDashboardPort: a port that is taken is an error that names the flag.
func TestDashboardPort(t *testing.T) {
	got := plugin(t, in("hub.kubeconfig"), "dashboard", "--port", "70000")
	if got.code != exitError || !strings.Contains(got.err, "--port: ") {
		t.Errorf("exit code %d: %s", got.code, got.err)
	}
}

// TestDashboardCommands: the commands to copy reach the same hub as the same user, and contain no token.
func TestDashboardCommands(t *testing.T) {
	o := &options{}
	given := []string{
		"--kubeconfig",
		"hub.kubeconfig",
		"--context",
		"hub",
		"--cluster",
		"other",
		"--user",
		"admin",
		"--server",
		"https://hub.example.com",
		"--tls-server-name",
		"kubernetes",
		"--certificate-authority",
		"ca.crt",
		"--client-certificate",
		"tls.crt",
		"--client-key",
		"tls.key",
		"--as",
		"jane",
		"--as-uid",
		"1",
		"--as-group",
		"a",
		"--as-group",
		"b",
		"--insecure-skip-tls-verify",
	}
	must(t, newRoot(o).ParseFlags(append([]string{"--token", "secret"}, given...)))
	if diff := cmp.Diff(given, (&viewer{options: o}).hubSelection()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	o = &options{}
	must(t, newRoot(o).ParseFlags([]string{"--server", "https://jane:secret@hub.example.com"}))
	if diff := cmp.Diff([]string{"--server", "https://hub.example.com"}, (&viewer{options: o}).hubSelection()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
