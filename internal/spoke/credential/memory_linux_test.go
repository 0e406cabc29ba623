// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"strings"
	"testing"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// TestMemoryIsLimited: a plugin that takes all memory of a container ends the consumer, and with it the checks of all other spokes. tail
// keeps a line of any length.
func TestMemoryIsLimited(t *testing.T) {
	source, _ := newSource(time.Minute)
	source.MemoryLimit = 64 << 20
	_, _, err := source.Get(t.Context(), spoke, "p", dialling(&clientcmdapi.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1",
		Command:    "tail",
		Args:       []string{"/dev/zero"},
	}))
	const want = "(a plugin may take 64Mi of memory, and this one was near it)"
	if err == nil || !strings.Contains(err.Error(), "The plugin tail of the access provider p failed (exit status 1)") ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}
