// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

// Test is one of a package's tests: a *testing.T.
type Test interface {
	Helper()
	Cleanup(func())
	Error(...any)
	Fatal(...any)
}

// StartFor starts a control plane that ends with the test.
func StartFor(t Test, flags ...Flag) *Server {
	t.Helper()
	server, err := Start(flags...)
	return endWith(t, server, err)
}

// StartHubFor starts a control plane as StartHub does, which ends with the test.
func StartHubFor(t Test) *Server {
	t.Helper()
	server, err := StartHub()
	return endWith(t, server, err)
}

func endWith(t Test, server *Server, err error) *Server {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}
