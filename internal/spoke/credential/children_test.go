// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"context"
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

// TestChildrenOfPluginsAreKilled: a plugin is often a script, and killing the script alone leaves its hanging child.
func TestChildrenOfPluginsAreKilled(t *testing.T) {
	cases := map[string]struct {
		why       string
		role      string
		lifelines int
		wantToken string
	}{
		"Hanging": {why: "the plugin and its child hang", role: "hang", lifelines: 2},
		"LeftOver": {
			why:       "the plugin answers, and leaves a child that holds its output open",
			role:      "leave-child",
			lifelines: 1,
			wantToken: "from-the-parent",
		},
		"LeftOverDeaf": {
			why:       "the plugin answers, and leaves a child whose output is elsewhere",
			role:      "leave-deaf-child",
			lifelines: 1,
			wantToken: "from-the-parent",
		},
		"LeftOverJob": {
			why:       "the child has a process group of its own, as the jobs of a shell have",
			role:      "leave-job",
			lifelines: 1,
			wantToken: "from-the-parent",
		},
		"Failed": {why: "the plugin fails, and leaves a child that holds its output open", role: "fail-leaving-child", lifelines: 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "LeftOverJob" && runtime.GOOS != "linux" {
				t.Skip("NOT TESTED: other systems do not list the processes of a session")
			}
			listener := lifeline(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			source, _ := newSource(time.Minute)
			ended := make(chan error, tc.lifelines)
			go func() {
				for range tc.lifelines {
					conn, err := listener.Accept()
					if err != nil {
						ended <- err
						continue
					}
					go func() {
						_, err := io.Copy(io.Discard, conn)
						ended <- err
					}()
				}
				if tc.role == "hang" {
					cancel()
				}
			}()
			got, _, err := source.Get(ctx, spoke, "p", dialling(plugin(tc.role, "LIFELINE="+listener.Addr().String())))
			if tc.wantToken == "" && err == nil || tc.wantToken != "" && (err != nil || got.Token != tc.wantToken) {
				t.Errorf("%s: %v, %v", tc.why, got, err)
			}
			for range tc.lifelines {
				select {
				case <-ended:
				case <-time.After(time.Minute):
					t.Fatalf("%s: a process outlives its plugin", tc.why)
				}
			}
		})
	}
}

// TestPluginIsKilledWithItsProbe: when a probe is cancelled, its plugin is killed.
func TestPluginIsKilledWithItsProbe(t *testing.T) {
	listener := lifeline(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := listener.Accept(); err == nil {
			cancel()
			_, _ = io.Copy(io.Discard, conn)
		}
	}()
	source, _ := newSource(time.Minute)
	if _, _, err := source.Get(ctx, spoke, "p", dialling(plugin("hang", "LIFELINE="+listener.Addr().String()))); err == nil {
		t.Error("a plugin that was killed gave a credential")
	}
}

// TestAnswerBeforeTheDeadlineCounts: the deadline is the plugin's, and not that of a child which holds its output open.
func TestAnswerBeforeTheDeadlineCounts(t *testing.T) {
	listener := lifeline(t)
	ctx := make(deadline)
	go func() {
		// The first connection is the plugin's, the second its child's.
		if conn, err := listener.Accept(); err == nil {
			_, _ = io.Copy(io.Discard, conn)
			close(ctx)
		}
	}()
	source, _ := newSource(time.Minute)
	got, _, err := source.Get(ctx, spoke, "p", dialling(plugin("leave-child-connected", "LIFELINE="+listener.Addr().String())))
	if err != nil || got.Token != "from-the-parent" {
		t.Errorf("the plugin ended before its deadline: %v, %v", got, err)
	}
}

// deadline is a context whose deadline passes when the channel is closed.
type deadline chan struct{}

// Deadline implements context.Context.
func (d deadline) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements context.Context.
func (d deadline) Done() <-chan struct{} { return d }

// Err implements context.Context.
func (d deadline) Err() error {
	select {
	case <-d:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// Value implements context.Context.
func (d deadline) Value(any) any { return nil }

// lifeline listens for processes that hold a connection as long as they live.
func lifeline(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}
