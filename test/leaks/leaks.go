// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package leaks finds credentials in what others may read: logs, metrics, Events and objects.
package leaks

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"k8s.io/apimachinery/pkg/runtime"
)

// credential matches JSON Web Tokens, private keys in PEM, also in base64, and the fields of a kubeconfig that hold them. A line of
// YAML begins after a line break, which JSON writes as \n; "cannot request a token: Post ..." is a message.
var credential = regexp.MustCompile(
	`eyJ[\w-]{10,}\.[\w-]{10,}|PRIVATE KEY|LS0tLS1CRUdJTi(BSU0Eg|BFQyBQ|BQUklW|BFTkNS)|client-key-data|(\n|\\n)\s*token: \S`,
)

// Find returns what a text has that looks like a credential or is one of the secrets, a sentence each, without the secret itself.
func Find(text string, secrets ...string) []string {
	var found []string
	if credential := credential.FindString(text); credential != "" {
		found = append(found, fmt.Sprintf("what looks like a credential: %.20s", credential))
	}
	for i, secret := range secrets {
		if strings.Contains(text, secret) {
			found = append(found, fmt.Sprintf("secret number %d", i+1))
		}
	}
	return found
}

// Metrics returns all metrics as a client reads them.
func Metrics(from prometheus.Gatherer) (string, error) {
	families, err := from.Gather()
	if err != nil {
		return "", fmt.Errorf("gathering metrics: %w", err)
	}
	var text strings.Builder
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			return "", fmt.Errorf("writing metrics: %w", err)
		}
	}
	return text.String(), nil
}

// JSON returns an object or a list as the API server sends it.
func JSON(object runtime.Object) (string, error) {
	raw, err := json.Marshal(object)
	if err != nil {
		return "", fmt.Errorf("encoding an object: %w", err)
	}
	return string(raw), nil
}
