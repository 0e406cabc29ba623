// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package remote_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/broker/remote"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

// TestLocalServersBehindAProxy: the dialer sees the proxy's address alone, so the server's is checked before.
func TestLocalServersBehindAProxy(t *testing.T) {
	kubeconfig := func(server string) []byte {
		return fmt.Appendf(nil, `{"clusters": [{"name": "c", "cluster": {"server": %q, "proxy-url": "http://proxy.example.com:3128"}}],
			"users": [{"name": "u", "user": {"token": "t"}}],
			"contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}], "current-context": "x"}`, server)
	}
	for server, permitted := range map[string]bool{
		"https://169.254.169.254":    false,
		"https://[::1]:6443":         false,
		"https://spoke.example.com":  true,
		"https://203.0.113.7:6443/k": true,
	} {
		opened, err := remote.Open(kubeconfig(server), remote.Options{})
		if err == nil {
			opened.Close()
		}
		failed := (*failure.Error)(nil)
		if refused := errors.As(err, &failed) && failed.Reason == v1alpha1.ReasonKubeconfigUnusable; refused == permitted {
			t.Errorf("%s: got %v", server, err)
		}
		if opened, err = remote.Open(kubeconfig(server), remote.Options{AllowLocalServers: true}); err != nil {
			t.Errorf("%s, with --allow-local-servers: %v", server, err)
		} else {
			opened.Close()
		}
	}
}
