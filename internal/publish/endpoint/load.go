// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package endpoint

import (
	"bytes"

	"go.yaml.in/yaml/v2"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// MaxSize is the largest kubeconfig that is read, in bytes, with every YAML alias replaced by what it stands for. Real ones have a few
// KiB; a Secret may have 1 MiB, and a user who may write it must not be able to fill our memory.
const MaxSize = 256 << 10

// maxElements is how many lines, and elements within a line, a kubeconfig may have. YAML takes time by the element: one of MaxSize that has
// nothing else would take a hundred times as long as a real one, each time that its Secret is written, while all others wait.
const maxElements = 10_000

// Load decodes a kubeconfig that somebody else has written. The error is a *RejectedError.
func Load(raw []byte) (*clientcmdapi.Config, error) {
	if len(raw) == 0 {
		return nil, reject(Empty, "the kubeconfig is empty")
	}
	if len(raw) > MaxSize {
		return nil, reject(TooLarge, "the kubeconfig has %d bytes; at most %d are read", len(raw), MaxSize)
	}
	if elements(raw) > maxElements {
		return nil, reject(TooLarge, "the kubeconfig has more than %d lines and elements", maxElements)
	}
	if err := checkAliases(raw); err != nil {
		return nil, err
	}
	config, err := clientcmd.Load(raw)
	if err != nil {
		return nil, malformed(err)
	}
	return config, nil
}

// elements returns how many lines and elements a document has, or more: by what ends a line in YAML, the three line ends of Unicode by their
// last bytes, and what begins or separates an element in one.
func elements(raw []byte) int {
	count := 0
	for _, c := range raw {
		switch c {
		case '\n', '\r', 0x85, 0xa8, 0xa9, ',', '[', '{':
			count++
		}
	}
	return count
}

// checkAliases rejects a kubeconfig that grows beyond MaxSize when its aliases are replaced. clientcmd converts YAML to JSON, which has no
// aliases: three bytes may stand for 100 KiB, thousands of times. The YAML parser is the one that clientcmd uses, and limits how many nodes
// aliases make, but not how many bytes; in what it returns, equal strings share their bytes.
func checkAliases(raw []byte) error {
	if bytes.IndexByte(raw, '&') < 0 || bytes.IndexByte(raw, '*') < 0 {
		return nil // There is no anchor, or nothing refers to it: nearly always.
	}
	var document any
	if err := yaml.Unmarshal(raw, &document); err != nil {
		return malformed(err)
	}
	if sizeOf(document, MaxSize) > MaxSize {
		return reject(TooLarge, "the kubeconfig has more than %d bytes when its YAML aliases are replaced by what they stand for", MaxSize)
	}
	return nil
}

// sizeOf returns about how many bytes a value of a YAML document has when it is written out; something above the limit for one that has
// more.
func sizeOf(value any, limit int) int {
	size := 1
	switch value := value.(type) {
	case string:
		size += len(value)
	case []any:
		for i := 0; i < len(value) && size <= limit; i++ {
			size += sizeOf(value[i], limit-size)
		}
	case map[any]any:
		for key, item := range value {
			if size > limit {
				break
			}
			size += sizeOf(key, limit-size) + sizeOf(item, limit-size)
		}
	}
	return size
}
