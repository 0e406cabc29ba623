// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package spokes serves thousands of spokes from one process, for tests and benchmarks of what dials them. Each spoke is a map of
// objects at a URL of its own, and speaks just enough of the Kubernetes API for a client that manages ServiceAccounts and their rights,
// and for one that probes it: get, list, create, update and delete of any built-in kind, TokenRequest and SelfSubjectReview, in JSON or
// protobuf, /readyz and /version.
//
// It validates nothing, defaults nothing, runs no controller and knows two kinds of users: the administrator, who may do everything,
// and the holders of the tokens that it issues, who may only ask who they are.
package spokes

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	apirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Version is the version of Kubernetes that every spoke reports.
const Version = "v1.36.3"

// maxBody is how many bytes of a request are read.
const maxBody = 1 << 20

// infos parses the path of a request as an API server does.
var infos = &apirequest.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}

// Server serves spokes, numbered from zero.
type Server struct {
	listener    net.Listener
	server      *http.Server
	credentials *credentials
	spokes      []*spoke
	hangs       atomic.Pointer[func(spoke int) bool]
	connections atomic.Int64
}

// Start serves n spokes on a port of the loopback interface. Each has copies of the objects at first. Close must be called in the end.
func Start(n int, objects ...client.Object) (*Server, error) {
	credentials, err := newCredentials()
	if err != nil {
		return nil, err
	}
	s := &Server{credentials: credentials}
	for range n {
		spoke, err := newSpoke(objects)
		if err != nil {
			return nil, err
		}
		s.spokes = append(s.spokes, spoke)
	}
	s.Hang(func(int) bool { return false })
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("opening a port for spokes: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/spokes/{spoke}/{path...}", s.serve)
	s.server = &http.Server{
		Handler:           mux,
		TLSConfig:         credentials.serverConfig(),
		ReadHeaderTimeout: time.Minute,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				s.connections.Add(1)
			}
		},
		// Clients that give up in the middle of a handshake are what hanging spokes are for.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() { _ = s.server.ServeTLS(s.listener, "", "") }()
	return s, nil
}

// Close ends all connections, and with them the requests that hang.
func (s *Server) Close() error { return s.server.Close() }

// Config is a connection to a spoke as its administrator, who has a client certificate.
func (s *Server) Config(spoke int) *rest.Config {
	return &rest.Config{
		Host:            fmt.Sprintf("https://%s/spokes/%d", s.listener.Addr(), spoke),
		TLSClientConfig: s.credentials.client,
	}
}

// Hang decides which spokes hang from now on: they accept a request and never answer, until the client gives up.
func (s *Server) Hang(which func(spoke int) bool) { s.hangs.Store(&which) }

// Requests returns how many requests a spoke has received of each kind, such as "get namespaces", "create
// serviceaccounts/token" or "get /readyz".
func (s *Server) Requests(spoke int) map[string]int { return s.spokes[spoke].counted() }

// Connections returns how many connections the spokes have accepted altogether.
func (s *Server) Connections() int { return int(s.connections.Load()) }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.Atoi(r.PathValue("spoke"))
	if err != nil || number < 0 || number >= len(s.spokes) {
		http.NotFound(w, r)
		return
	}
	spoke := s.spokes[number]
	inner := r.WithContext(r.Context())
	inner.URL = &url.URL{Path: "/" + r.PathValue("path"), RawQuery: r.URL.RawQuery}
	info, err := infos.NewRequestInfo(inner)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	spoke.count(info)
	// A server notices that a client has given up only after it has read the request.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return
	}
	if (*s.hangs.Load())(number) {
		<-r.Context().Done()
		return
	}
	if !info.IsResourceRequest {
		answerPath(w, inner)
		return
	}
	object, err := spoke.do(request{RequestInfo: info, user: spoke.userOf(r), body: body})
	answer(w, inner, object, err)
}

// userOf returns the user who has sent a request; empty for one who cannot be authenticated.
func (s *spoke) userOf(r *http.Request) string {
	if len(r.TLS.VerifiedChains) > 0 {
		return r.TLS.VerifiedChains[0][0].Subject.CommonName
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return s.holderOf(token)
}
