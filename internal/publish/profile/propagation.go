// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// includedLabels are copied unless they are excluded: Headlamp's users hide a cluster with this one.
var includedLabels = []string{"headlamp.dev/ignore"}

// deniedDomains are never copied, nor are their subdomains: consumers act on the first (Argo CD turns labels of a profile
// into labels of its cluster Secret), the others belong to Kubernetes, to its SIGs and to us.
var deniedDomains = []string{"argocd.argoproj.io", "k8s.io", "x-k8s.io", "kubernetes.io", "capi-inventory.dev"}

// globs chooses keys.
type globs struct{ include, exclude []*regexp.Regexp }

func compileGlobs(field string, source v1alpha1.Propagation, always ...string) (globs, error) {
	include, err := compileGlobList(field+".include", append(slices.Clone(source.Include), always...))
	if err != nil {
		return globs{}, err
	}
	exclude, err := compileGlobList(field+".exclude", source.Exclude)
	if err != nil {
		return globs{}, err
	}
	return globs{include: include, exclude: exclude}, nil
}

func compileGlobList(field string, patterns []string) ([]*regexp.Regexp, error) {
	var compiled []*regexp.Regexp
	for i, pattern := range patterns {
		if strings.ContainsAny(pattern, " \t\n,") {
			return nil, fmt.Errorf("%s[%d]: %q cannot match a key", field, i, pattern)
		}
		quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`)
		compiled = append(compiled, regexp.MustCompile(`^`+quoted+`$`))
	}
	return compiled, nil
}

func (g globs) match(key string) bool {
	matches := func(pattern *regexp.Regexp) bool { return pattern.MatchString(key) }
	return slices.ContainsFunc(g.include, matches) && !slices.ContainsFunc(g.exclude, matches)
}

func denied(key string) bool {
	domain, _, prefixed := strings.Cut(key, "/")
	return prefixed && slices.ContainsFunc(deniedDomains, func(d string) bool {
		return domain == d || strings.HasSuffix(domain, "."+d)
	})
}

// propagatedLabels are the Cluster's labels that go with its profile.
func (inv *Inventory) propagatedLabels(source map[string]string) (map[string]string, []Problem) {
	var problems []Problem
	out := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(source)) {
		if denied(key) || !inv.labels.match(key) {
			continue
		}
		invalid := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(source[key])...)
		if len(invalid) > 0 {
			problems = append(problems, problem(v1alpha1.ProblemLabelSkipped, "label %s: %s", key, invalid[0]))
			continue
		}
		out[key] = source[key]
	}
	return out, problems
}

// propagatedAnnotations are the Cluster's annotations that go with its profile.
func (inv *Inventory) propagatedAnnotations(source map[string]string) (map[string]string, []Problem) {
	var problems []Problem
	out := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(source)) {
		if denied(key) || !inv.annotations.match(key) {
			continue
		}
		if len(source[key]) > maxAnnotation {
			problems = append(
				problems,
				problem(
					v1alpha1.ProblemLabelSkipped,
					"annotation %s: has %d bytes; at most %d are copied",
					key,
					len(source[key]),
					maxAnnotation,
				),
			)
			continue
		}
		out[key] = source[key]
	}
	return out, problems
}

// maxAnnotation is the size in bytes of the largest annotation that is copied: a profile is read by many, and its
// annotations together may have 256 KiB.
const maxAnnotation = 16 << 10
