// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

var (
	noon  = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	spoke = types.NamespacedName{Namespace: "fleet", Name: "a"}
)

func newSource(timeout time.Duration) (*credential.Source, *clocktesting.FakePassiveClock) {
	clock := clocktesting.NewFakePassiveClock(noon)
	return &credential.Source{Timeout: timeout, MaxAge: 10 * time.Minute, Clock: clock}, clock
}

func dialling(plugin *clientcmdapi.ExecConfig) *rest.Config {
	return &rest.Config{Host: "https://spoke", ExecProvider: plugin}
}

func TestPluginFailuresAreExplained(t *testing.T) {
	const head = `{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": `
	name := filepath.Base(os.Args[0])
	cases := map[string]struct {
		why     string
		plugin  *clientcmdapi.ExecConfig
		message string
	}{
		"Missing": {why: "the most frequent mistake of all", plugin: &clientcmdapi.ExecConfig{
			APIVersion:  "client.authentication.k8s.io/v1",
			Command:     "no-such-plugin",
			InstallHint: "ask the platform team",
		},
			message: "The plugin no-such-plugin of the access provider p is not there: ask the platform team"},
		"MissingPath": {why: "with a path, the system's error is another one", plugin: &clientcmdapi.ExecConfig{
			APIVersion: "client.authentication.k8s.io/v1",
			Command:    "/no/such/plugin",
		},
			message: "The plugin /no/such/plugin of the access provider p is not there: install it where the consumer runs"},
		"NotExecutable": {why: "a mount without its mode", plugin: &clientcmdapi.ExecConfig{
			APIVersion: "client.authentication.k8s.io/v1",
			Command:    "/etc/passwd",
		},
			message: "The plugin /etc/passwd of the access provider p cannot be run: fork/exec /etc/passwd: permission denied"},
		"Hangs": {why: "it must not hold up anybody", plugin: plugin("hang", "LIFELINE="+lifeline(t).Addr().String()),
			message: "The plugin " + name + " of the access provider p gave no answer within 1s and was killed"},
		"TalksTooMuch": {
			why:     "nor fill the memory",
			plugin:  plugin("flood"),
			message: "The plugin " + name + " of the access provider p wrote more than 262144 bytes and was killed",
		},
		"Fails": {
			why:    "its own words are the best there are",
			plugin: complaining("something else", "[reader] failed to get secret fleet/a-kubeconfig: not found", ""),
			message: "The plugin " + name + " of the access provider p failed (exit status 3): [reader] failed to get secret " +
				"fleet/a-kubeconfig: not found",
		},
		"FailsSilently": {
			why:     "an empty message would seem truncated",
			plugin:  complaining(),
			message: "The plugin " + name + " of the access provider p failed (exit status 3) and did not say why",
		},
		"Panics": {
			why:     "every failure of upstream's plugins to find the hub is a panic",
			plugin:  plugin("panic"),
			message: "The plugin " + name + " of the access provider p failed (exit status 2): panic: no hub: xxxxxxxxxx",
		},
		"Crashes": {
			why:    "stacks are long and do not help users",
			plugin: plugin("dump"),
			message: "The plugin " + name + " of the access provider p failed (exit status 2): fatal error: all " +
				"goroutines are asleep - deadlock!",
		},
		"Fatal": {
			why:     "so does klog",
			plugin:  complaining("F1120 11:17:35.123456   12345 main.go:12] no hub", "goroutine 1 [running]:", "main.main()"),
			message: "The plugin " + name + " of the access provider p failed (exit status 3): main.go:12] no hub",
		},
		"NoJSON": {
			why:     "what it said may be a credential",
			plugin:  plugin("say", "SAY=my-token"),
			message: "The plugin " + name + " of the access provider p gave no ExecCredential in JSON",
		},
		"Nothing": {
			why:     "a script that forgot to print",
			plugin:  plugin("say"),
			message: "The plugin " + name + " of the access provider p gave no ExecCredential in JSON",
		},
		"OtherKind": {
			why:     "a TokenRequest",
			plugin:  plugin("say", `SAY={"kind": "TokenRequest", "status": {"token": "t"}}`),
			message: `The plugin ` + name + ` of the access provider p gave the kind "TokenRequest" in place of ExecCredential`,
		},
		"OtherVersion": {
			why: "the protocol wants the version that was asked for",
			plugin: plugin(
				"say",
				`SAY={"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": {"token": "t"}}`,
			),
			message: `The plugin ` + name + ` of the access provider p answered in "client.authentication.k8s.io/v1beta1", and ` +
				`the provider file asks for "client.authentication.k8s.io/v1"`,
		},
		"NoStatus": {
			why:     "the question, sent back",
			plugin:  plugin("say", "SAY="+head+"null}"),
			message: "The plugin " + name + " of the access provider p gave an ExecCredential without a status",
		},
		"NoCredential": {
			why:     "the dial would be anonymous",
			plugin:  plugin("say", "SAY="+head+"{}}"),
			message: "The plugin " + name + " of the access provider p gave neither a token nor a client certificate",
		},
		"OnlyTheKey": {
			why:     "the TLS library's words do not say whose fault it is",
			plugin:  plugin("say", "SAY="+head+`{"token": "t", "clientKeyData": "k"}}`),
			message: "The plugin " + name + " of the access provider p gave only one of clientCertificateData and clientKeyData",
		},
		"BrokenPair": {
			why:    "likewise",
			plugin: plugin("say", "SAY="+head+`{"clientCertificateData": "c", "clientKeyData": "k"}}`),
			message: "The plugin " + name + " of the access provider p gave a client certificate and key that do not parse or " +
				"do not belong together",
		},
		"TokenWithBreak": {
			why:    "it would end the header and start another",
			plugin: plugin("say", "SAY="+head+`{"token": "t\r\nX-Evil: 1"}}`),
			message: "The plugin " + name + " of the access provider p gave a token that cannot be sent: it holds a " +
				"space or a control character",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := 10 * time.Second
			if name == "Hangs" {
				timeout = time.Second
			}
			source, _ := newSource(timeout)
			_, _, err := source.Get(t.Context(), spoke, "p", dialling(tc.plugin))
			var known *failure.Error
			if !errors.As(err, &known) {
				t.Fatalf("%s: %v is no failure", tc.why, err)
			}
			if diff := cmp.Diff(&failure.Error{Reason: v1alpha1.ReasonCredentialsFailed, Message: tc.message}, known); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestCredentialsAreCached(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "token")
	rotate := func(token string) {
		if err := os.WriteFile(tokens, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	source, clock := newSource(10 * time.Second)
	get := func(config *rest.Config) (string, bool) {
		t.Helper()
		credential, fromCache, err := source.Get(t.Context(), spoke, "p", config)
		if err != nil {
			t.Fatal(err)
		}
		return credential.Token, fromCache
	}
	expect := func(why string, config *rest.Config, want string, wantFromCache bool) {
		t.Helper()
		if token, fromCache := get(config); token != want || fromCache != wantFromCache {
			t.Errorf("%s: got %s (cached %t), want %s (%t)", why, token, fromCache, want, wantFromCache)
		}
	}
	plain := dialling(plugin("token", "TOKEN_FILE="+tokens))
	rotate("one")
	expect("the first time", plain, "one", false)
	rotate("two")
	expect("a plugin costs more than a probe", plain, "one", true)
	source.Forget(spoke)
	expect("after the spoke has refused it", plain, "two", false)
	rotate("three")
	clock.SetTime(noon.Add(8*time.Minute - 1))
	expect("just before the time is up", plain, "two", true)
	clock.SetTime(noon.Add(10 * time.Minute))
	expect("a rotation is taken up although the old one works", plain, "three", false)

	other := rest.CopyConfig(plain)
	other.Host = "https://elsewhere"
	other.ExecProvider.ProvideClusterInfo = true
	expect("another server is another question", other, "three", false)
	rotate("four")
	expect("and it is the only one that is cached", plain, "four", false)

	expiring := dialling(plugin("token", "TOKEN_FILE="+tokens, "EXPIRES="+noon.Add(20*time.Minute).Format(time.RFC3339)))
	expect("an expiry is part of the answer", expiring, "four", false)
	rotate("five")
	clock.SetTime(noon.Add(20*time.Minute - 1))
	expect("until it has expired", expiring, "four", true)
	clock.SetTime(noon.Add(20 * time.Minute))
	expect("and no longer", expiring, "five", false)
}

// TestCredentialAgesAreSpread: credentials that were fetched at once do not expire at once.
func TestCredentialAgesAreSpread(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(tokens, []byte("t"), 0o600); err != nil {
		t.Fatal(err)
	}
	source, clock := newSource(time.Minute)
	config := dialling(plugin("token", "TOKEN_FILE="+tokens))
	const spokes = 16
	fromCache := func() int {
		count := 0
		for i := range spokes {
			_, fromCache, err := source.Get(t.Context(), types.NamespacedName{Namespace: "fleet", Name: strconv.Itoa(i)}, "p", config)
			if err != nil {
				t.Fatal(err)
			}
			if fromCache {
				count++
			}
		}
		return count
	}
	for _, step := range []struct {
		why         string
		at          time.Duration
		least, most int
	}{
		{why: "nothing is cached at first", most: 0},
		{why: "nothing is fetched again before the last fifth of its time", at: 8*time.Minute - 1, least: spokes, most: spokes},
		{why: "some of it is in the middle of that", at: 9 * time.Minute, least: 1, most: spokes - 1},
	} {
		clock.SetTime(noon.Add(step.at))
		if got := fromCache(); got < step.least || got > step.most {
			t.Errorf("%s: %d of %d are cached", step.why, got, spokes)
		}
	}
}
