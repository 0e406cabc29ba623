// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package apiserver_test

import (
	"testing"

	"k8s.io/client-go/discovery"

	"github.com/capi-inventory/capi-inventory/test/apiserver"
)

func TestPauseAndResume(t *testing.T) {
	server := apiserver.StartHubFor(t)
	alice, err := server.As("alice")
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	client := discovery.NewDiscoveryClientForConfigOrDie(alice)
	if _, err := client.ServerVersion(); err == nil {
		t.Error("a paused server answered")
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.ServerVersion(); err != nil {
		t.Errorf("a resumed server does not know its users: %v", err)
	}
}
