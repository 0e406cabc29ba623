// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package timestamps lets Go clients read every time that an API server accepts.
//
// The validation of a date-time in custom resources accepts more than metav1.Time does: lower case (2026-01-01t00:00:00z), impossible
// offsets (+25:00), and any text after a second "t". One such time, in one object of one namespace, fails the decoding of every list and
// watch event that contains it: a writer of the status of a single profile could stop each program that reads profiles.
package timestamps

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"k8s.io/kube-openapi/pkg/validation/strfmt"
)

// NewTransport returns a transport that rewrites the times of JSON that Go cannot parse, as far as they can be understood: members that are
// named as times are, and whose value is a date-time to the API server. No other text is changed.
func NewTransport(next http.RoundTripper) http.RoundTripper { return transport{next} }

type transport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err != nil || response.Body == nil {
		return response, err
	}
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind == "application/json" {
		response.Body = &body{source: response.Body}
		// A rewritten time may be shorter.
		response.ContentLength = -1
		response.Header.Del("Content-Length")
	}
	return response, nil
}

// WrappedRoundTripper implements net.RoundTripperWrapper of apimachinery: what it wraps can still be found.
func (t transport) WrappedRoundTripper() http.RoundTripper { return t.next }

// isTime reports whether a member is named as times are in the APIs that our programs read.
func isTime(name []byte) bool {
	return bytes.HasSuffix(name, []byte("Time")) || bytes.HasSuffix(name, []byte("Timestamp")) ||
		slices.Contains([]string{"time", "expires", "issuedAt"}, string(name))
}

// between stands between the name of a member and its value, if that is a string. Within a string its quotes would be escaped.
var between = []byte(`":"`)

// body rewrites a body while it is read. It withholds no more than the beginning of a member: the events of a watch are passed on as they
// come.
type body struct {
	source io.ReadCloser
	// ready is rewritten and not read yet, and rest is not rewritten yet.
	ready, rest []byte
	err         error
}

// Close implements io.Closer.
func (b *body) Close() error { return b.source.Close() }

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	for len(b.ready) == 0 && b.err == nil && len(p) > 0 {
		var n int
		// As much as the caller can take: its buffer grows with the size of the objects.
		n, b.err = b.source.Read(p)
		b.rest = append(b.rest, p[:n]...)
		if b.rewrite(); b.err != nil {
			b.ready, b.rest = append(b.ready, b.rest...), nil
		}
	}
	n := copy(p, b.ready)
	if b.ready = b.ready[n:]; len(b.ready) == 0 && n == 0 {
		return 0, b.err
	}
	return n, nil
}

// rewrite moves what is complete from rest to ready.
func (b *body) rewrite() {
	b.ready = b.ready[:0]
	from := 0
	for {
		at := bytes.Index(b.rest[from:], between)
		if at < 0 {
			b.keepFrom(from + unfinished(b.rest[from:]))
			return
		}
		nameEnd, value := from+at, from+at+len(between)
		from = value
		begin := bytes.LastIndexByte(b.rest[:nameEnd], '"') + 1
		if !isTime(b.rest[begin:nameEnd]) {
			continue
		}
		length := endOf(b.rest[value:])
		if length < 0 {
			b.keepFrom(max(0, begin-1))
			return
		}
		b.ready = append(append(b.ready, b.rest[:value]...), readable(string(b.rest[value:value+length]))...)
		b.rest, from = b.rest[value+length:], 0
	}
}

// keepFrom moves what is before a position to ready.
func (b *body) keepFrom(at int) {
	b.ready = append(b.ready, b.rest[:at]...)
	b.rest = append(b.rest[:0:0], b.rest[at:]...)
}

// unfinished returns where the name of a member begins that may go on after the end of a text; its length if none does. A watch ends each
// event with a brace and a line break, so that nothing of it is withheld.
func unfinished(text []byte) int {
	begun := bytes.TrimSuffix(bytes.TrimSuffix(text, between[1:2]), between[:1])
	at := bytes.LastIndexFunc(begun, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./", r)
	})
	if at >= 0 && begun[at] == '"' {
		return at
	}
	return len(begun)
}

// endOf returns where a string of JSON ends; -1 if its end has not been read yet.
func endOf(text []byte) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// readable returns a time that Go can parse, for one that the API server accepts. What is not understood of it is left out: a fraction of
// a second, an offset, or all of it.
func readable(value string) string {
	if _, err := time.Parse(time.RFC3339, value); err == nil || !strfmt.IsDateTime(value) {
		return value
	}
	const seconds = len("2006-01-02T15:04:05")
	capitals := strings.ToUpper(value)
	for _, candidate := range []string{capitals, capitals[:min(seconds, len(capitals))] + "Z"} {
		if _, err := time.Parse(time.RFC3339, candidate); err == nil {
			return candidate
		}
	}
	return time.Time{}.Format(time.RFC3339)
}
