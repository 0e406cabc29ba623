// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"

	"k8s.io/client-go/rest"
)

// gateway is a proxy before the API server. It has every right, and asks its clients for none.
type gateway struct {
	*httptest.Server
}

// newGateway opens a gateway that passes requests on as the handler wants, until the test ends.
func newGateway(t tester, handler func(http.ResponseWriter, *http.Request, http.Handler)) *gateway {
	t.Helper()
	config := server.Config()
	target, err := url.Parse(config.Host)
	must(t, err)
	transport, err := rest.TransportFor(config)
	must(t, err)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Authorization")
		},
		Transport: transport,
		// Watches are passed on event by event.
		FlushInterval: -1,
		// Clients that are killed, and connections that are cut, are what it is for.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	g := &gateway{httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler(w, r, proxy) }))}
	g.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.StartTLS()
	t.Cleanup(func() {
		g.CloseClientConnections()
		g.Close()
	})
	return g
}

// connection is a connection through the gateway.
func (g *gateway) connection() *rest.Config {
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.Certificate().Raw})
	return &rest.Config{Host: g.URL, BearerToken: "any", TLSClientConfig: rest.TLSClientConfig{CAData: certificate}}
}

// isWrite reports whether a request changes an object other than an Event.
func isWrite(r *http.Request) bool {
	return r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/events")
}
