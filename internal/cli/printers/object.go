// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package printers

import (
	"encoding/json"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/cli-runtime/pkg/printers"
)

// PrintObject prints a value with a printer of cli-runtime. The value has a kind in its JSON, and may be a list. Nulls are omitted: the
// Go types of ClusterProfile write some that the API server does not accept.
func PrintObject(printer printers.ResourcePrinter, value any, out io.Writer) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	content := map[string]any{}
	if err := utiljson.Unmarshal(raw, &content); err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	omitNulls(content)
	var object runtime.Object = &unstructured.Unstructured{Object: content}
	if content := object.(*unstructured.Unstructured); content.IsList() {
		// A printer of names accepts only this type of a list.
		if object, err = content.ToList(); err != nil {
			return fmt.Errorf("encoding: %w", err)
		}
	}
	if err := printer.PrintObj(object, out); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

func omitNulls(content any) {
	switch content := content.(type) {
	case map[string]any:
		for key, value := range content {
			if value == nil {
				delete(content, key)
			}
			omitNulls(value)
		}
	case []any:
		for _, value := range content {
			omitNulls(value)
		}
	}
}
