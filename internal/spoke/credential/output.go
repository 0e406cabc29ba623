// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"sync"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capi-inventory/capi-inventory/internal/printable"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

var errTooMuch = errors.New("too much output")

// limitedBuffer keeps the output of a plugin up to a limit. At one byte more, exceeded is called, which kills the plugin.
type limitedBuffer struct {
	limit    int
	exceeded func()

	mu   sync.Mutex
	kept bytes.Buffer
	over bool
}

// Write implements io.Writer.
func (l *limitedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept.Len()+len(p) > l.limit {
		l.over = true
		l.exceeded()
		return 0, errTooMuch
	}
	return l.kept.Write(p)
}

func (l *limitedBuffer) overflowed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

func (l *limitedBuffer) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept.Bytes()
}

const (
	// maxTail is how much of the end of a plugin's stderr is kept, in bytes.
	maxTail = 4 << 10
	// maxLine is how much of the beginning of a line is kept, in bytes.
	maxLine = 1 << 10
)

// crash matches the beginning of the line that says why a Go program crashed. Stacks follow it, which may be long.
var crash = regexp.MustCompile(`^\s*(panic: |fatal error: |F\d{4} \d\d:\d\d:\d\d\.)`)

// tailBuffer keeps the end of a plugin's stderr, and the line that says why it crashed.
type tailBuffer struct {
	mu      sync.Mutex
	kept    []byte
	line    []byte
	crashed string
}

// Write implements io.Writer.
func (t *tailBuffer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p[max(0, len(p)-maxTail):]...)
	t.kept = append([]byte(nil), t.kept[max(0, len(t.kept)-maxTail):]...)
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte{'\n'})
		t.line = append(t.line, line[:min(len(line), maxLine-len(t.line))]...)
		if ended {
			t.endLine()
		}
		rest = after
	}
	return len(p), nil
}

func (t *tailBuffer) endLine() {
	if t.crashed == "" && crash.Match(t.line) {
		t.crashed = string(t.line)
	}
	t.line = t.line[:0]
}

// reason returns the last line that a plugin wrote, or the one that says why it crashed, fit to be published: without what looks like
// a credential, and without what changes from run to run.
func (t *tailBuffer) reason(env []clientcmdapi.ExecEnvVar) string {
	t.mu.Lock()
	t.endLine()
	text := strings.TrimSpace(string(t.kept))
	line := text[strings.LastIndexByte(text, '\n')+1:]
	if t.crashed != "" {
		line = strings.TrimSpace(t.crashed)
	}
	t.mu.Unlock()
	for _, variable := range env {
		// The provider file may contain a plugin's own secrets; short values are words, and not removed.
		if len(variable.Value) >= 8 {
			line = strings.ReplaceAll(line, variable.Value, "…")
		}
	}
	return printable.Line(scrub(line), failure.MaxMessage/2)
}

// introduced matches a name that ends as those of credentials do (client_secret, "refresh_token", AWS_SECRET_ACCESS_KEY), and what is
// between it and its value in JSON, in JSON within a string, in YAML, in a query, and in a header as Go prints it.
const introduced = `(?i)((?:token|passw(?:or)?d|passphrase|secret|authorization|(?:api|access|account|private)[-_]?key)` +
	`\\*["']?\s*[:=]\s*\[?\\*`

var scrubbers = []struct {
	pattern *regexp.Regexp
	instead string
}{
	// The header of a klog line, and RFC 3339 times.
	{regexp.MustCompile(`^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ `), ""},
	{regexp.MustCompile(`\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?`), "…"},
	// Our end of a connection has another port every time.
	{regexp.MustCompile(`(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]):\d+->`), ""},
	// Addresses in memory, and request identifiers.
	{regexp.MustCompile(`\b0x[0-9a-f]{9,}\b`), "…"},
	{regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`), "…"},
	// Credentials: what follows the words that introduce them, to the closing quote where there is one, and long numbers.
	{regexp.MustCompile(introduced + `")[^"]+`), "$1…"},
	{regexp.MustCompile(introduced + `')[^']+`), "$1…"},
	{regexp.MustCompile(introduced + `)((bearer|basic|token)\s+)?[^\s"'\\][^\s"']*`), "$1…"},
	{regexp.MustCompile(`(?i)(\b(bearer|basic)\s+)[^\s"']+`), "$1…"},
	{regexp.MustCompile(`://[^\s/@]+@`), "://…@"},
	{regexp.MustCompile(`\b[0-9a-f]{32,}\b`), "…"},
}

// encoded matches a run of letters that is too long for a word; the name of an object may be as long, but has no capitals.
var encoded = regexp.MustCompile(`[A-Za-z0-9+_=-]{20,}`)

func scrub(line string) string {
	for _, scrubber := range scrubbers {
		line = scrubber.pattern.ReplaceAllString(line, scrubber.instead)
	}
	return encoded.ReplaceAllStringFunc(line, func(run string) string {
		if strings.ContainsAny(run, "0123456789") && run != strings.ToLower(run) && run != strings.ToUpper(run) {
			return "…"
		}
		return run
	})
}
