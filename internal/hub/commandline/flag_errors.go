// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package commandline

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/validation"
)

// maxPublisherClass is how many characters spec.publisherClass of an Inventory may have.
const maxPublisherClass = 40

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

// CheckPublisherClass appends an error for each reason why no Inventory can have a value of --publisher-class; empty is valid.
func (e *FlagErrors) CheckPublisherClass(class string) {
	const flag = "publisher-class"
	if class == "" {
		return
	}
	for _, reason := range validation.NameIsDNSLabel(class, false) {
		e.Add(flag, "%s", reason)
	}
	if len(class) > maxPublisherClass {
		e.Add(flag, "must have at most %d characters", maxPublisherClass)
	}
}

// Join returns the errors as one, or nil if there are none.
func (e FlagErrors) Join() error { return errors.Join(e...) }
