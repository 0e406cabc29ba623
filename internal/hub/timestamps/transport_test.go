// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package timestamps_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/capi-inventory/capi-inventory/internal/hub/timestamps"
)

type answer struct {
	contentType string
	body        io.Reader
}

func (a answer) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{Header: http.Header{"Content-Type": {a.contentType}}, Body: io.NopCloser(a.body)}, nil
}

// read returns what a client reads of an answer.
func read(t *testing.T, a answer) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://hub.example.com", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := timestamps.NewTransport(a).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func TestTransport(t *testing.T) {
	for name, tc := range map[string]struct {
		why, contentType, body, want string
	}{
		"LowerCase": {
			body: `{"lastTransitionTime":"2026-01-01t00:00:00z"}`,
			want: `{"lastTransitionTime":"2026-01-01T00:00:00Z"}`,
		},
		"Timestamp": {
			body: `{"expirationTimestamp":"2026-01-01t00:00:00.5z","t":"z"}`,
			want: `{"expirationTimestamp":"2026-01-01T00:00:00.5Z","t":"z"}`,
		},
		"Offset": {
			body: `[{"aTime":"2026-01-01t00:00:00+01:00"},{"bTime":"2026-01-01T00:00:00z"}]`,
			want: `[{"aTime":"2026-01-01T00:00:00+01:00"},{"bTime":"2026-01-01T00:00:00Z"}]`,
		},
		"Capitals": {
			body: `{"lastTransitionTime":"2026-01-01T00:00:00Z","type":"tz"}`,
			want: `{"lastTransitionTime":"2026-01-01T00:00:00Z","type":"tz"}`,
		},
		"Offset25": {
			why:  "Go knows no offset of more than a day; the time of day is understood",
			body: `{"lastTransitionTime":"2026-01-01T00:00:00+25:00","type":"x"}`,
			want: `{"lastTransitionTime":"2026-01-01T00:00:00Z","type":"x"}`,
		},
		"Fraction": {
			why:  "the API server takes any character for the point",
			body: `{"lastObservedTime":"2026-01-01T00:00:00x5Z"}`,
			want: `{"lastObservedTime":"2026-01-01T00:00:00Z"}`,
		},
		"TextAfterwards": {
			why:  "the API server looks at nothing after a second t",
			body: `{"aTime":"2026-01-01T00:00:00Zt\" z","bTime":"2026-01-01t00:00:00z"}`,
			want: `{"aTime":"2026-01-01T00:00:00Z","bTime":"2026-01-01T00:00:00Z"}`,
		},
		"OtherNames": {
			body: `{"time":"2026-01-01t00:00:00z","issuedAt":"2026-01-01t00:00:00z","expires":"2026-01-01t00:00:00z"}`,
			want: `{"time":"2026-01-01T00:00:00Z","issuedAt":"2026-01-01T00:00:00Z","expires":"2026-01-01T00:00:00Z"}`,
		},
		"OtherMembers": {
			why:  "a property has any text as its value",
			body: `{"name":"x","value":"2026-01-01t00:00:00z","Time":{"z":"t"},"Times":"2026-01-01t00:00:00z"}`,
			want: `{"name":"x","value":"2026-01-01t00:00:00z","Time":{"z":"t"},"Times":"2026-01-01t00:00:00z"}`,
		},
		"WithinAString": {
			why:  "a message may quote JSON",
			body: `{"message":"{\"lastTransitionTime\":\"2026-01-01t00:00:00z\"}"}`,
			want: `{"message":"{\"lastTransitionTime\":\"2026-01-01t00:00:00z\"}"}`,
		},
		"NoTime": {
			why:  "a label of that name need not be a time",
			body: `{"bestTime":"tea, at two-thirty z","upTime":"2026-01-01, at tea","zTime":"","startTime":"2026-01-01tea"}`,
			want: `{"bestTime":"tea, at two-thirty z","upTime":"2026-01-01, at tea","zTime":"","startTime":"2026-01-01tea"}`,
		},
		"OtherContent": {
			why:         "protobuf contains JSON in strings as it is",
			contentType: "application/vnd.kubernetes.protobuf",
			body:        `{"lastTransitionTime":"2026-01-01t00:00:00z"}`,
			want:        `{"lastTransitionTime":"2026-01-01t00:00:00z"}`,
		},
		"Charset": {
			contentType: "application/json; charset=utf-8",
			body:        `{"lastTransitionTime":"2026-01-01t00:00:00z"}`,
			want:        `{"lastTransitionTime":"2026-01-01T00:00:00Z"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			contentType := tc.contentType
			if contentType == "" {
				contentType = "application/json"
			}
			for manner, reader := range map[string]func(io.Reader) io.Reader{
				"whole":        func(r io.Reader) io.Reader { return r },
				"byte by byte": iotest.OneByteReader,
				"in halves":    iotest.HalfReader,
				"with the end": iotest.DataErrReader,
			} {
				if got := read(t, answer{contentType, reader(strings.NewReader(tc.body))}); got != tc.want {
					t.Errorf("read %s: got  %s\nwant %s\n%s", manner, got, tc.want, tc.why)
				}
			}
		})
	}
}

// TestEventsAreNotWithheld: an event of a watch is there before the next one begins.
func TestEventsAreNotWithheld(t *testing.T) {
	received, sent := io.Pipe()
	response, err := timestamps.NewTransport(answer{"application/json", received}).RoundTrip(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	for _, event := range []string{
		`{"type":"ADDED","object":{"lastTransitionTime":"2026-01-01T00:00:00Z"}}` + "\n",
		`{"type":"BOOKMARK","object":{"kind":"ClusterProfile","spec":"x"}}` + "\n",
		`{"type":"ADDED","object":{"expires":"2026-01-01T00:00:00Z","a":[1]}}` + "\n",
	} {
		go func() { _, _ = sent.Write([]byte(event)) }()
		got := make([]byte, len(event))
		if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != event {
			t.Fatalf("got %q, %v", got, err)
		}
	}
}

// BenchmarkTransport reads a list of profiles.
func BenchmarkTransport(b *testing.B) {
	item := `{"metadata":{"name":"team-a--london","namespace":"fleet","labels":{"The":"Team"}},"status":{"conditions":[` +
		`{"type":"ControlPlaneHealthy","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z"}]}},`
	list := strings.Repeat(item, 1000)
	b.SetBytes(int64(len(list)))
	for b.Loop() {
		response, err := timestamps.NewTransport(answer{"application/json", strings.NewReader(list)}).RoundTrip(nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			b.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
