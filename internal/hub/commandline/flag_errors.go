// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package commandline

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/validation"
)

// FlagErrors is everything that is wrong with a command line, so that one run reports it all.
type FlagErrors []error

// Add appends what is wrong with a flag.
func (e *FlagErrors) Add(flag, format string, args ...any) {
	*e = append(*e, fmt.Errorf("--"+flag+": "+format, args...))
}

// CheckPositive appends an error unless a number or duration is positive.
func (e *FlagErrors) CheckPositive(flag string, value int64) {
	if value <= 0 {
		e.Add(flag, "must be positive")
	}
}

// CheckNamespaces appends an error for each value that is not a valid name of a namespace.
func (e *FlagErrors) CheckNamespaces(flag string, namespaces []string) {
	for _, namespace := range namespaces {
		if len(validation.ValidateNamespaceName(namespace, false)) > 0 {
			e.Add(flag, "%q is not a valid namespace name", namespace)
		}
	}
}

// Join returns the errors as one, or nil if there are none.
func (e FlagErrors) Join() error { return errors.Join(e...) }
