// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/capi-inventory/capi-inventory/internal/hub"
)

func TestParse(t *testing.T) {
	o, err := parse([]string{"--publisher-class", "blue", "--namespace", "fleet,edge", "--timeout", "3s"})
	if err != nil {
		t.Fatal(err)
	}
	if broker := o.broker(); broker.PublisherClass != "blue" || broker.Spokes.Timeout != 3*time.Second || broker.Concurrency != 20 {
		t.Errorf("the broker runs with %+v", broker)
	}
	manager := o.manager(hub.NewScheme())
	if manager.LeaderElectionID != "capi-inventory-broker-blue" {
		t.Errorf("the Lease is %q: brokers of two classes would wait for each other", manager.LeaderElectionID)
	}
	if len(manager.Cache.DefaultNamespaces) != 2 {
		t.Errorf("the cache has the namespaces %v", manager.Cache.DefaultNamespaces)
	}
}

func TestParseRefuses(t *testing.T) {
	for flag, args := range map[string][]string{
		"publisher-class":        {"--publisher-class", "Not_A_Label"},
		"timeout":                {"--timeout", "1h"},
		"property-poll-interval": {"--property-poll-interval", "1ms"},
		"concurrency":            {"--concurrency", "0"},
		"namespace":              {"--namespace", "Not_A_Label"},
		"unexpected":             {"argument"},
	} {
		if _, err := parse(args); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%v: got %v", args, err)
		}
	}
}
