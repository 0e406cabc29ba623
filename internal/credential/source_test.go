// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/credential"
	"github.com/capi-inventory/capi-inventory/internal/stage"
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

func TestFailures(t *testing.T) {
	const head = `{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": `
	name := filepath.Base(os.Args[0])
	cases := map[string]struct {
		why     string
		plugin  *clientcmdapi.ExecConfig
		message string
	}{
		"Missing": {why: "the most frequent mistake of all", plugin: &clientcmdapi.ExecConfig{APIVersion: "client.authentication.k8s.io/v1", Command: "no-such-plugin", InstallHint: "ask the platform team"},
			message: "The plugin no-such-plugin of the access provider p is not there: ask the platform team"},
		"MissingPath": {why: "with a path, the system's error is another one", plugin: &clientcmdapi.ExecConfig{APIVersion: "client.authentication.k8s.io/v1", Command: "/no/such/plugin"},
			message: "The plugin /no/such/plugin of the access provider p is not there: install it where the consumer runs"},
		"NotExecutable": {why: "a mount without its mode", plugin: &clientcmdapi.ExecConfig{APIVersion: "client.authentication.k8s.io/v1", Command: "/etc/passwd"},
			message: "The plugin /etc/passwd of the access provider p cannot be run: fork/exec /etc/passwd: permission denied"},
		"Hangs": {why: "it must not hold up anybody", plugin: plugin("hang", "LIFELINE="+lifeline(t).Addr().String()),
			message: "The plugin " + name + " of the access provider p gave no answer within 1s and was killed"},
		"TalksTooMuch": {why: "nor fill the memory", plugin: plugin("flood"), message: "The plugin " + name + " of the access provider p wrote more than 262144 bytes and was killed"},
		"Fails": {why: "its own words are the best there are", plugin: complaining("something else", "[reader] failed to get secret fleet/a-kubeconfig: not found", ""),
			message: "The plugin " + name + " of the access provider p failed (exit status 3): [reader] failed to get secret fleet/a-kubeconfig: not found"},
		"FailsSilently": {why: "an empty message would look like ours was cut", plugin: complaining(), message: "The plugin " + name + " of the access provider p failed (exit status 3) and did not say why"},
		"Panics":        {why: "every failure of upstream's plugins to find the hub is a panic", plugin: plugin("panic"), message: "The plugin " + name + " of the access provider p failed (exit status 2): panic: no hub: xxxxxxxxxx"},
		"Crashes":       {why: "stacks are long, and tell nobody anything", plugin: plugin("dump"), message: "The plugin " + name + " of the access provider p failed (exit status 2): fatal error: all goroutines are asleep - deadlock!"},
		"Fatal": {why: "so does klog", plugin: complaining("F1120 11:17:35.123456   12345 main.go:12] no hub", "goroutine 1 [running]:", "main.main()"),
			message: "The plugin " + name + " of the access provider p failed (exit status 3): main.go:12] no hub"},
		"NoJSON":    {why: "what it said may be a credential", plugin: plugin("say", "SAY=my-token"), message: "The plugin " + name + " of the access provider p gave no ExecCredential in JSON"},
		"Nothing":   {why: "a script that forgot to print", plugin: plugin("say"), message: "The plugin " + name + " of the access provider p gave no ExecCredential in JSON"},
		"OtherKind": {why: "somebody's TokenRequest", plugin: plugin("say", `SAY={"kind": "TokenRequest", "status": {"token": "t"}}`), message: `The plugin ` + name + ` of the access provider p gave the kind "TokenRequest" in place of ExecCredential`},
		"OtherVersion": {why: "the protocol wants the version that was asked for", plugin: plugin("say", `SAY={"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": {"token": "t"}}`),
			message: `The plugin ` + name + ` of the access provider p answered in "client.authentication.k8s.io/v1beta1", and the provider file asks for "client.authentication.k8s.io/v1"`},
		"NoStatus":       {why: "the question, sent back", plugin: plugin("say", "SAY="+head+"null}"), message: "The plugin " + name + " of the access provider p gave an ExecCredential without a status"},
		"NoCredential":   {why: "the dial would be anonymous", plugin: plugin("say", "SAY="+head+"{}}"), message: "The plugin " + name + " of the access provider p gave neither a token nor a client certificate"},
		"OnlyTheKey":     {why: "the TLS library's words do not say whose fault it is", plugin: plugin("say", "SAY="+head+`{"token": "t", "clientKeyData": "k"}}`), message: "The plugin " + name + " of the access provider p gave only one of clientCertificateData and clientKeyData"},
		"BrokenPair":     {why: "likewise", plugin: plugin("say", "SAY="+head+`{"clientCertificateData": "c", "clientKeyData": "k"}}`), message: "The plugin " + name + " of the access provider p gave a client certificate and key that do not parse or do not belong together"},
		"TokenWithBreak": {why: "it would end the header and start another", plugin: plugin("say", "SAY="+head+`{"token": "t\r\nX-Evil: 1"}}`), message: "The plugin " + name + " of the access provider p gave a token that cannot be sent: it holds a space or a control character"},
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
			var failure *stage.Failure
			if !errors.As(err, &failure) {
				t.Fatalf("%s: %v is no failure", tc.why, err)
			}
			if diff := cmp.Diff(&stage.Failure{Reason: v1alpha1.ReasonCredentialsFailed, Message: tc.message}, failure); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// TestComplaintsAreScrubbed: a plugin's last words are published, and must neither hold a credential nor change every time.
func TestComplaintsAreScrubbed(t *testing.T) {
	cases := map[string]struct{ why, complaint, want string }{
		"Token":      {why: "a debug print of the request", complaint: "401 for Bearer abc.def", want: "401 for Bearer …"},
		"JWT":        {why: "without the word before it", complaint: "cannot refresh eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLXdpdGgtMS1kaWdpdA", want: "cannot refresh ….….…"},
		"Password":   {why: "a configuration, printed", complaint: `{"user": "u", "password": "hunter2"}`, want: `{"user": "u", "password": "…"}`},
		"URL":        {why: "a proxy with a password", complaint: "proxyconnect http://u:p@proxy:3128 failed", want: "proxyconnect http://…@proxy:3128 failed"},
		"Hex":        {why: "a key", complaint: "key 0123456789abcdef0123456789abcdef is no good", want: "key … is no good"},
		"Variable":   {why: "the provider file may hold the plugin's own secret", complaint: "client swordfish-1 is unknown", want: "client … is unknown"},
		"Klog":       {why: "time and process number change every time", complaint: "E1120 11:17:35.123456   12345 main.go:12] no", want: "main.go:12] no"},
		"Time":       {why: "so does any time", complaint: `time="2026-11-20T11:17:35.1+01:00" level=fatal msg=no`, want: `time="…" level=fatal msg=no`},
		"Port":       {why: "and the near end of a connection", complaint: "read tcp 10.0.0.1:53412->10.0.0.2:443: connection reset", want: "read tcp 10.0.0.2:443: connection reset"},
		"Address":    {why: "and where something lies in memory", complaint: "panic: (main.T) (0x4a5b60,0xc00001c0a8)", want: "panic: (main.T) (0x4a5b60,…)"},
		"RequestID":  {why: "and what a cloud calls a request", complaint: "RequestID: 4b7a2d7e-9c0f-4d7a-8a51-0c7d9c2f5a11 denied", want: "RequestID: … denied"},
		"ObjectName": {why: "what a person needs must stay, however long", complaint: `secrets "team-a-production-eu-west-1-kubeconfig" not found`, want: `secrets "team-a-production-eu-west-1-kubeconfig" not found`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, _ := newSource(10 * time.Second)
			_, _, err := source.Get(t.Context(), spoke, "p", dialling(complaining(tc.complaint)))
			_, got, _ := strings.Cut(stage.Of(err, "").Message, "failed (exit status 3): ")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// TestEnvironment: what is in the consumer's environment is not for plugins, and what a plugin needs is there.
func TestEnvironment(t *testing.T) {
	t.Setenv("CONSUMERS_OWN_SECRET", "s")
	t.Setenv("KUBECONFIG", "/other")
	t.Setenv("KUBERNETES_SERVICE_HOST", "pod")
	t.Setenv("HTTPS_PROXY", "http://proxy")
	always := []string{
		"KUBECONFIG=/hub", "HTTPS_PROXY=http://proxy", "TMPDIR=/from-the-file", "--flag",
		`KUBERNETES_EXEC_INFO={"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{"server":"https://spoke","config":{"clusterName":"c"}},"interactive":false}}`,
	}
	cases := map[string]struct {
		why           string
		environment   []string
		given, denied []string
	}{
		"Service": {why: "the consumer's secrets are not for plugins", environment: credential.Inherited(), denied: []string{"CONSUMERS_OWN_SECRET", "KUBERNETES_SERVICE_HOST"}},
		"Person":  {why: "a login may rely on all that the person has set, but not for where the hub is", environment: credential.Personal(), given: []string{"CONSUMERS_OWN_SECRET=s"}, denied: []string{"KUBERNETES_SERVICE_HOST"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			source, _ := newSource(time.Minute)
			source.Environment = append(tc.environment, "TMPDIR=/other")
			source.Hub = func() ([]string, error) { return []string{"KUBECONFIG=/hub"}, nil }
			config := dialling(plugin("tell", "TMPDIR=/from-the-file"))
			config.ExecProvider.Args = []string{"--flag"}
			config.ExecProvider.ProvideClusterInfo = true
			config.ExecProvider.Config = &apiruntime.Unknown{Raw: []byte(`{"clusterName":"c"}`), ContentType: apiruntime.ContentTypeJSON}
			told := tell(t, source, config)
			for _, want := range append(always, tc.given...) {
				if !slices.ContainsFunc(told, func(s string) bool { return strings.TrimSpace(s) == want }) {
					t.Errorf("%s: the plugin was not given %s, but\n%s", tc.why, want, strings.Join(told, "\n"))
				}
			}
			for _, denied := range tc.denied {
				if slices.ContainsFunc(told, func(s string) bool { return strings.HasPrefix(s, denied+"=") }) {
					t.Errorf("%s: the plugin was given %s", tc.why, denied)
				}
			}
		})
	}
}

// tell returns the environment and the arguments that a plugin is given.
func tell(t *testing.T, source *credential.Source, config *rest.Config) []string {
	t.Helper()
	got, _, err := source.Get(t.Context(), spoke, "p", config)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(got.Token)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	if err := json.Unmarshal(raw, &told); err != nil {
		t.Fatal(err)
	}
	return told
}

// TestHubUnknown: without a hub there is no use in running a plugin.
func TestHubUnknown(t *testing.T) {
	source, _ := newSource(time.Minute)
	source.Hub = func() ([]string, error) { return nil, errors.New("disk full") }
	_, _, err := source.Get(t.Context(), spoke, "p", dialling(&clientcmdapi.ExecConfig{APIVersion: "client.authentication.k8s.io/v1", Command: "x"}))
	if diff := cmp.Diff("The plugin x of the access provider p cannot be told where the hub is: disk full", stage.Of(err, "").Message); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRemembers(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "token")
	rotate := func(token string) {
		if err := os.WriteFile(tokens, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	source, clock := newSource(10 * time.Second)
	get := func(config *rest.Config) (string, bool) {
		t.Helper()
		credential, remembered, err := source.Get(t.Context(), spoke, "p", config)
		if err != nil {
			t.Fatal(err)
		}
		return credential.Token, remembered
	}
	expect := func(why string, config *rest.Config, want string, wantRemembered bool) {
		t.Helper()
		if token, remembered := get(config); token != want || remembered != wantRemembered {
			t.Errorf("%s: got %s (remembered %t), want %s (%t)", why, token, remembered, want, wantRemembered)
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
	expect("and it is the only one that is remembered", plain, "four", false)

	expiring := dialling(plugin("token", "TOKEN_FILE="+tokens, "EXPIRES="+noon.Add(20*time.Minute).Format(time.RFC3339)))
	expect("an expiry is part of the answer", expiring, "four", false)
	rotate("five")
	clock.SetTime(noon.Add(20*time.Minute - 1))
	expect("until it has expired", expiring, "four", true)
	clock.SetTime(noon.Add(20 * time.Minute))
	expect("and no longer", expiring, "five", false)
}

// TestSpread: what was fetched at one time is not fetched again at one time.
func TestSpread(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(tokens, []byte("t"), 0o600); err != nil {
		t.Fatal(err)
	}
	source, clock := newSource(time.Minute)
	config := dialling(plugin("token", "TOKEN_FILE="+tokens))
	const spokes = 16
	remembered := func() int {
		count := 0
		for i := range spokes {
			_, remembered, err := source.Get(t.Context(), types.NamespacedName{Namespace: "fleet", Name: strconv.Itoa(i)}, "p", config)
			if err != nil {
				t.Fatal(err)
			}
			if remembered {
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
		{why: "nothing is remembered at first", most: 0},
		{why: "nothing is fetched again before the last fifth of its time", at: 8*time.Minute - 1, least: spokes, most: spokes},
		{why: "some of it is in the middle of that", at: 9 * time.Minute, least: 1, most: spokes - 1},
	} {
		clock.SetTime(noon.Add(step.at))
		if got := remembered(); got < step.least || got > step.most {
			t.Errorf("%s: %d of %d are remembered", step.why, got, spokes)
		}
	}
}

// TestChildrenDie: a plugin is often a script, and killing the script alone leaves what hangs.
func TestChildrenDie(t *testing.T) {
	cases := map[string]struct {
		why       string
		role      string
		lifelines int
		wantToken string
	}{
		"Hanging":      {why: "the plugin and its child hang", role: "hang", lifelines: 2},
		"LeftOver":     {why: "the plugin answers, and leaves a child that holds its output open", role: "leave-child", lifelines: 1, wantToken: "from-the-parent"},
		"LeftOverDeaf": {why: "the plugin answers, and leaves a child whose output is elsewhere", role: "leave-deaf-child", lifelines: 1, wantToken: "from-the-parent"},
		"LeftOverJob":  {why: "the child has a process group of its own, as the jobs of a shell have", role: "leave-job", lifelines: 1, wantToken: "from-the-parent"},
		"Failed":       {why: "the plugin fails, and leaves a child that holds its output open", role: "fail-leaving-child", lifelines: 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "LeftOverJob" && runtime.GOOS != "linux" {
				t.Skip("NOT TESTED: other systems do not tell which processes are in a session")
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

// TestCancelled: a probe that is broken off takes its plugin with it.
func TestCancelled(t *testing.T) {
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
