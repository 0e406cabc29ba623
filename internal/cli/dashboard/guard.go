// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// parameterToken is the parameter of the printed URL, which the page's own URLs do not have.
const parameterToken = "token"

// headers are on every response. The page loads nothing from elsewhere, and nothing else may load or frame it.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Cache-Control":                "no-store",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
}

// guard serves only the browser of the user who started the command: other pages in that browser can send requests to a port of
// loopback, and so can other users of the machine.
type guard struct {
	next http.Handler
	// host is the loopback address and the port, as browsers send them; the name of a rebound domain is another one.
	host string
	// token is in the printed URL, and session in the cookie for which it is exchanged.
	token, session string

	mu sync.Mutex
	// once is a token that is valid once, for a URL on a command line, which other users of the machine may see.
	once string
}

// newGuard returns the guard of an address. Browsers leave out the port of HTTP, in Host and in Origin.
func newGuard(address string, next http.Handler) *guard {
	return &guard{next: next, host: strings.TrimSuffix(address, ":80"), token: rand.Text(), session: rand.Text()}
}

// url returns the URL with a token.
func (g *guard) url(token string) string {
	return (&url.URL{Scheme: "http", Host: g.host, Path: "/", RawQuery: url.Values{parameterToken: {token}}.Encode()}).String()
}

// issue returns a token that is valid once; the one before is no longer valid.
func (g *guard) issue() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.once = rand.Text()
	return g.once
}

// redeem reports whether a token is valid.
func (g *guard) redeem(token string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.once != "" && equal(token, g.once) {
		g.once = ""
		return true
	}
	return equal(token, g.token)
}

// cookie is the name of the cookie. Browsers send it to all ports of the address, so the name has the port.
func (g *guard) cookie() string { return "kubectl-inventory-" + (&url.URL{Host: g.host}).Port() }

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	switch {
	case r.Host != g.host:
		http.Error(w, "This server is "+g.host+".", http.StatusMisdirectedRequest)
	case !g.sameOrigin(r):
		http.Error(w, "Other pages may not use this server.", http.StatusForbidden)
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "The dashboard is read-only.", http.StatusMethodNotAllowed)
	case g.exchange(w, r):
	case !g.authenticated(r):
		http.Error(w, "Open the URL that kubectl inventory dashboard has printed.", http.StatusUnauthorized)
	default:
		g.next.ServeHTTP(w, r)
	}
}

// sameOrigin reports whether a request is the user's own navigation, or comes from the page itself. Browsers that do not send
// Sec-Fetch-Site send Origin with requests of other pages that scripts can read.
func (g *guard) sameOrigin(r *http.Request) bool {
	if origin := r.Header.Values("Origin"); len(origin) > 1 || len(origin) == 1 && origin[0] != "http://"+g.host {
		return false
	}
	switch site := r.Header.Values("Sec-Fetch-Site"); {
	case len(site) == 0:
		return true
	case len(site) == 1:
		return site[0] == "same-origin" || site[0] == "none"
	}
	return false
}

// exchange exchanges the token of the URL for the cookie, and redirects to the same view without the token.
func (g *guard) exchange(w http.ResponseWriter, r *http.Request) bool {
	query := r.URL.Query()
	if r.URL.Path != "/" || !query.Has(parameterToken) || !g.redeem(query.Get(parameterToken)) {
		return false
	}
	//nolint:gosec // G124: loopback is served without TLS, so the cookie cannot be Secure
	http.SetCookie(w, &http.Cookie{Name: g.cookie(), Value: g.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	query.Del(parameterToken)
	http.Redirect(w, r, (&url.URL{Path: "/", RawQuery: query.Encode()}).String(), http.StatusSeeOther)
	return true
}

func (g *guard) authenticated(r *http.Request) bool {
	cookie, err := r.Cookie(g.cookie())
	return err == nil && equal(cookie.Value, g.session)
}

// equal compares in constant time, whatever the lengths are.
func equal(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
