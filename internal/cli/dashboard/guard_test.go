// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const testHost = "127.0.0.1:4242"

// request is a GET of the guard's own address with its cookie, changed by a test.
func request(g *guard, target string, change func(*http.Request)) *http.Request {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Host = testHost
	r.AddCookie(&http.Cookie{Name: g.cookie(), Value: g.session})
	if change != nil {
		change(r)
	}
	return r
}

func TestGuard(t *testing.T) {
	cases := map[string]struct {
		why    string
		change func(*http.Request)
		want   int
	}{
		"Cookie": {why: "the browser of the user", want: http.StatusOK},
		"SameOrigin": {
			why: "a request of the page",
			change: func(r *http.Request) {
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				r.Header.Set("Origin", "http://"+testHost)
			},
			want: http.StatusOK,
		},
		"Typed":   {why: "the address bar", change: header("Sec-Fetch-Site", "none"), want: http.StatusOK},
		"Rebound": {why: "a domain that resolves to loopback", change: host("evil.example:4242"), want: http.StatusMisdirectedRequest},
		"Localhost": {
			why: "a name", change: host("localhost:4242"), want: http.StatusMisdirectedRequest,
		},
		"OtherPort":    {why: "another server", change: host("127.0.0.1:80"), want: http.StatusMisdirectedRequest},
		"NoPort":       {why: "another server", change: host("127.0.0.1"), want: http.StatusMisdirectedRequest},
		"NoHost":       {why: "HTTP/1.0", change: host(""), want: http.StatusMisdirectedRequest},
		"CrossSite":    {why: "another page", change: header("Sec-Fetch-Site", "cross-site"), want: http.StatusForbidden},
		"SameSite":     {why: "a page of another port", change: header("Sec-Fetch-Site", "same-site"), want: http.StatusForbidden},
		"OddSite":      {why: "no value that browsers send", change: header("Sec-Fetch-Site", ""), want: http.StatusForbidden},
		"OtherOrigin":  {why: "another page", change: header("Origin", "https://evil.example"), want: http.StatusForbidden},
		"OtherScheme":  {why: "another server", change: header("Origin", "https://"+testHost), want: http.StatusForbidden},
		"NullOrigin":   {why: "a sandboxed frame, or a file", change: header("Origin", "null"), want: http.StatusForbidden},
		"TwoOrigins":   {why: "one of them is another", change: twice("Origin", "http://"+testHost), want: http.StatusForbidden},
		"TwoSites":     {why: "one of them may be another", change: twice("Sec-Fetch-Site", "none"), want: http.StatusForbidden},
		"Post":         {why: "it is read-only", change: method(http.MethodPost), want: http.StatusMethodNotAllowed},
		"Delete":       {why: "it is read-only", change: method(http.MethodDelete), want: http.StatusMethodNotAllowed},
		"Options":      {why: "no other origin is asked for", change: method(http.MethodOptions), want: http.StatusMethodNotAllowed},
		"Head":         {why: "only GET", change: method(http.MethodHead), want: http.StatusMethodNotAllowed},
		"NoCookie":     {why: "another user of the machine", change: cookie(""), want: http.StatusUnauthorized},
		"WrongCookie":  {why: "a guess", change: cookie(strings.Repeat("A", 26)), want: http.StatusUnauthorized},
		"LongerCookie": {why: "the lengths differ", change: cookie(strings.Repeat("A", 2600)), want: http.StatusUnauthorized},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			served := false
			g := newGuard(testHost, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served = true }))
			response := httptest.NewRecorder()
			g.ServeHTTP(response, request(g, "/api/stream", tc.change))
			if response.Code != tc.want || served != (tc.want == http.StatusOK) {
				t.Errorf("%s: status %d, served %t; want %d", tc.why, response.Code, served, tc.want)
			}
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff",
				"Cache-Control":          "no-store",
				"Referrer-Policy":        "no-referrer",
				"X-Frame-Options":        "DENY",
			} {
				if got := response.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			policy := response.Header().Get("Content-Security-Policy")
			for _, want := range []string{
				"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'",
				"base-uri 'none'", "form-action 'none'",
			} {
				if !strings.Contains(policy+";", want+";") {
					t.Errorf("Content-Security-Policy has no %s: %s", want, policy)
				}
			}
			if response.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Error("another origin may read the response")
			}
		})
	}
}

// TestPortOfHTTP: browsers send neither Host nor Origin with the port 80.
func TestPortOfHTTP(t *testing.T) {
	served := false
	g := newGuard("127.0.0.1:80", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served = true }))
	if got, want := g.url("x"), "http://127.0.0.1/?token=x"; got != want {
		t.Errorf("the URL is %s, want %s", got, want)
	}
	r := request(g, "/api/stream", host("127.0.0.1"))
	r.Header.Set("Origin", "http://127.0.0.1")
	response := httptest.NewRecorder()
	if g.ServeHTTP(response, r); response.Code != http.StatusOK || !served {
		t.Errorf("status %d, served %t", response.Code, served)
	}
	response = httptest.NewRecorder()
	if g.ServeHTTP(response, request(g, "/api/stream", host("127.0.0.1:4242"))); response.Code != http.StatusMisdirectedRequest {
		t.Errorf("another port: status %d", response.Code)
	}
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func twice(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header[name] = []string{value, value} }
}

func host(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }

func method(name string) func(*http.Request) { return func(r *http.Request) { r.Method = name } }

// cookie replaces the value of the cookie; empty means no cookie.
func cookie(value string) func(*http.Request) {
	return func(r *http.Request) {
		name, _, _ := strings.Cut(r.Header.Get("Cookie"), "=")
		r.Header.Del("Cookie")
		if value != "" {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
	}
}

func TestExchange(t *testing.T) {
	g := newGuard(testHost, http.NotFoundHandler())
	replaced := g.issue()
	once := g.issue()
	cases := []struct {
		why      string
		target   string
		want     int
		location string
	}{
		{"the printed URL", "/?token=" + g.token, http.StatusSeeOther, "/"},
		{"it is valid again, for another browser", "/?token=" + g.token, http.StatusSeeOther, "/"},
		{"the view is kept, without the token", "/?q=env%3Dprod&token=" + g.token, http.StatusSeeOther, "/?q=env%3Dprod"},
		{"the URL on a command line", "/?token=" + once, http.StatusSeeOther, "/"},
		{"it is valid once", "/?token=" + once, http.StatusUnauthorized, ""},
		{"a later one has replaced it", "/?token=" + replaced, http.StatusUnauthorized, ""},
		{"no token", "/", http.StatusUnauthorized, ""},
		{"an empty token, when none is valid once", "/?token=", http.StatusUnauthorized, ""},
		{"a guess", "/?token=" + strings.Repeat("A", len(g.token)), http.StatusUnauthorized, ""},
		{"the cookie is no token", "/?token=" + g.session, http.StatusUnauthorized, ""},
		{"only the page has a token", "/api/stream?token=" + g.token, http.StatusUnauthorized, ""},
	}
	for _, tc := range cases {
		response := httptest.NewRecorder()
		g.ServeHTTP(response, request(g, tc.target, cookie("")))
		if location := response.Header().Get("Location"); response.Code != tc.want || location != tc.location {
			t.Errorf("%s: status %d to %q, want %d to %q", tc.why, response.Code, location, tc.want, tc.location)
		}
		if tc.want != http.StatusSeeOther {
			if response.Header().Get("Set-Cookie") != "" {
				t.Errorf("%s: a cookie was given", tc.why)
			}
			continue
		}
		given := response.Result().Cookies()[0]
		if given.Value != g.session || !given.HttpOnly || given.SameSite != http.SameSiteStrictMode {
			t.Errorf("%s: the cookie is %v", tc.why, given)
		}
	}
}

func TestTokensDiffer(t *testing.T) {
	a, b := newGuard(testHost, nil), newGuard(testHost, nil)
	if a.token == b.token || a.session == b.session || a.token == a.session || len(a.token) < 26 {
		t.Errorf("tokens must be random: %q, %q", a.token, b.token)
	}
}
