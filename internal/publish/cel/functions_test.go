// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/capi-inventory/capi-inventory/internal/publish/cel"
)

// families are expressions of every function that is offered, and their values. They are API: a value that changes with a
// newer library changes what is published.
var families = map[string]map[string]any{
	"macros": {
		"has(cluster.metadata.name)":                                           true,
		"has(cluster.metadata.name.first)":                                     false,
		"[1, 2].all(x, x > 0) && [1, 2].exists(x, x > 1)":                      true,
		"[1, 2].exists_one(x, x > 1) && [1, 2].existsOne(i, x, x > 1)":         true,
		"[1, 2].map(x, x * 2)":                                                 []any{2.0, 4.0},
		"[1, 2].map(x, x > 1, x * 2)":                                          []any{4.0},
		"[1, 2].filter(x, x > 1)":                                              []any{2.0},
		"cluster.metadata.labels.transformList(k, v, k + '=' + v)":             []any{"empty=", "region=eu-1"},
		"cluster.metadata.labels.transformMap(k, v, v != '', v + '!')":         map[string]any{"region": "eu-1!"},
		"cluster.metadata.labels.transformMapEntry(k, v, v != '', {v: k})":     map[string]any{"eu-1": "region"},
		"[{'n': 2}, {'n': 1}].sortBy(e, e.n).map(e, e.n)":                      []any{1.0, 2.0},
		"cluster.metadata.?name.optMap(n, n + '!').orValue('none')":            "c1!",
		"cluster.metadata.?labels.optFlatMap(l, l[?'region']).orValue('none')": "eu-1",
		"{'name': cluster.metadata.name, 'ports': [1], 'mixed': [1, 'a', {1.5: 1}.size()]}": map[string]any{
			"name":  "c1",
			"ports": []any{1.0},
			"mixed": []any{1.0, "a", 1.0},
		},
	},
	"strings": {
		"'abc'.charAt(1) + 'abc'.substring(1)":          "bbc",
		"'abcb'.indexOf('b') + 'abcb'.lastIndexOf('b')": 4.0,
		"['a', 'b'].join('-')":                          "a-b",
		"'aBc'.lowerAscii() + 'aBc'.upperAscii()":       "abcABC",
		"'c1'.replace('c', 'k')":                        "k1",
		"'a-b'.split('-')":                              []any{"a", "b"},
		"' a '.trim()":                                  "a",
		"'abc'.contains('b') && 'abc'.startsWith('a') && 'abc'.endsWith('c')": true,
		"'abc'.size() == size([1, 2, 3])":                                     true,
		"'%s has %d, %.1f'.format(['c1', 3, 2.5])":                            "c1 has 3, 2.5",
		"strings.quote('a\"b')":                                               `"a\"b"`,
	},
	"regular expressions": {
		"'v1.36.3'.matches('^v[0-9]+')":  true,
		"'v1.36.3'.find('[0-9]+')":       "1",
		"'v1.36.3'.findAll('[0-9]+', 2)": []any{"1", "36"},
	},
	"lists": {
		"[3, 1, 2].sort()":                                   []any{1.0, 2.0, 3.0},
		"[1, 2].isSorted() && [1, 2].sum() == 3":             true,
		"[1, 3, 2].min() + [1, 3, 2].max()":                  4.0,
		"[1, 2, 1].indexOf(1) + [1, 2, 1].lastIndexOf(1)":    2.0,
		"[1, 1, 2].distinct()":                               []any{1.0, 2.0},
		"[[1], [2]].flatten()":                               []any{1.0, 2.0},
		"lists.range(3)":                                     []any{0.0, 1.0, 2.0},
		"[1, 2].reverse()":                                   []any{2.0, 1.0},
		"[1, 2, 3].slice(1, 2)":                              []any{2.0},
		"[1, 2].first().value() + [1, 2].last().value()":     3.0,
		"1 in [1, 2] && 'region' in cluster.metadata.labels": true,
	},
	"sets": {
		"sets.contains([1, 2], [1]) && sets.equivalent([1, 1], [1]) && sets.intersects([1], [1, 2])": true,
	},
	"optional values": {
		"optional.of(1).hasValue() && !optional.none().hasValue()": true,
		"optional.ofNonZeroValue('').or(optional.of('a')).value()": "a",
		"optional.unwrap([optional.of(1), optional.none()])":       []any{1.0},
		"[optional.of(1), optional.none()].unwrapOpt()":            []any{1.0},
		"cluster.metadata.?labels[?'zone'].orValue('none')":        "none",
	},
	"conversions": {
		"bool('true') && type(1) == int && dyn(1) == 1": true,
		"bytes('a')": "YQ==",
		"double('1.5') + double(int('1')) + double(uint(2))": 4.5,
		"string(1)": "1",
		"base64.encode(b'a') + string(base64.decode('Yg=='))": "YQ==b",
	},
	"times": {
		"duration('90s')": "90s",
		"timestamp('2026-06-01T12:00:00Z') - duration('1h')":  "2026-06-01T11:00:00Z",
		"timestamp('2026-06-01T12:13:14.015Z').getFullYear()": 2026.0,
		"[timestamp('2026-06-01T12:13:14.015Z')].map(t, [t.getMonth(), t.getDate(), t.getDayOfMonth(), t.getDayOfWeek(), " +
			"t.getDayOfYear(), t.getHours(), t.getMinutes(), t.getSeconds(), t.getMilliseconds()])": []any{
			[]any{
				5.0,
				1.0,
				0.0,
				1.0,
				151.0,
				12.0,
				13.0,
				14.0,
				15.0,
			},
		},
	},
	"URLs": {
		"[url('https://c1.example.com:6443/a%20b?x=1')].map(u, [u.getScheme(), u.getHost(), u.getHostname(), u.getPort(), " +
			"u.getEscapedPath(), u.getQuery()['x'][0]])": []any{
			[]any{
				"https",
				"c1.example.com:6443",
				"c1.example.com",
				"6443",
				"/a%20b",
				"1",
			},
		},
		"isURL('https://c1:6443') && !isURL('c1')": true,
		"url('https://c1:6443')":                   "https://c1:6443",
	},
	"IP addresses and CIDRs": {
		"isIP('10.0.0.1') && ip.isCanonical('10.0.0.1') && isCIDR('10.0.0.0/8')": true,
		"ip('10.0.0.1').family()": 4.0,
		"ip('10.0.0.1').isGlobalUnicast() && !ip('10.0.0.1').isLoopback() && !ip('10.0.0.1').isUnspecified()": true,
		"ip('fe80::1').isLinkLocalUnicast() && !ip('fe80::1').isLinkLocalMulticast()":                         true,
		"cidr('10.1.2.3/8').containsIP('10.0.0.1') && cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')":         true,
		"string(cidr('10.1.2.3/8').masked())":                                                                 "10.0.0.0/8",
		"cidr('10.1.2.3/8').prefixLength()":                                                                   8.0,
		"cidr('10.1.2.3/8').ip()":                                                                             "10.1.2.3",
	},
	"quantities": {
		"quantity('1Gi').add(quantity('1Gi')).sub(quantity('512Mi'))":                           "1536Mi",
		"quantity('2k').asInteger()":                                                            2000.0,
		"quantity('1500m').asApproximateFloat()":                                                1.5,
		"isQuantity('1Gi') && quantity('1').isInteger() && sign(quantity('1')) == 1":            true,
		"quantity('2').isGreaterThan(quantity('1')) && quantity('1').isLessThan(quantity('2'))": true,
		"quantity('1').compareTo(quantity('2'))":                                                -1.0,
	},
	"versions": {
		"semver('v1.36', true)": "1.36.0",
		"isSemver('1.36.3') && semver('1.36.3').isGreaterThan(semver('1.9.0'))":          true,
		"semver('1.36.3').major() + semver('1.36.3').minor() + semver('1.36.3').patch()": 40.0,
		"semver('1.36.3').compareTo(semver('1.36.3'))":                                   0.0,
		"semver('1.36.3').isLessThan(semver('1.37.0'))":                                  true,
	},
	"formats": {
		"format.dns1123Label().validate('c1').hasValue()":  false,
		"format.dns1123Label().validate('C_1').hasValue()": true,
		"format.named('uuid').value() == format.uuid()":    true,
		"[format.byte(), format.date(), format.datetime(), format.uri(), format.labelValue(), format.qualifiedName()].all(f, " +
			"f.validate(' ☃').hasValue())": true,
		"[format.dns1035Label(), format.dns1035LabelPrefix(), format.dns1123LabelPrefix(), format.dns1123Subdomain(), " +
			"format.dns1123SubdomainPrefix()].all(f, !f.validate('c1').hasValue())": true,
	},
}

func TestFunctions(t *testing.T) {
	for family, expressions := range families {
		t.Run(family, func(t *testing.T) {
			for source, want := range expressions {
				program, err := newCompiler(t).Compile(source)
				if err != nil {
					t.Errorf("%s: %v", source, err)
					continue
				}
				got, err := program.Value(objects)
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("%s: %v -want +got:\n%s", source, err, diff)
				}
			}
		})
	}
}

// authorization are the functions of ValidatingAdmissionPolicy's authorizer, which there is none of here.
var authorization = []string{
	"allowed", "check", "error", "errored", "fieldSelector", "group", "labelSelector", "name", "namespace", "path", "reason",
	"resource", "serviceAccount", "subresource",
}

// offered are the functions and macros that an administrator can call.
func offered(t *testing.T) []string {
	t.Helper()
	env := newCompiler(t).Environment()
	names := map[string]bool{}
	for name := range env.Functions() {
		if !strings.ContainsAny(name, "@_") && name != "in" && !slices.Contains(authorization, name) {
			names[name] = true
		}
	}
	for _, macro := range env.Macros() {
		names[macro.Function()] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// TestFunctionsAreThoseOfKubernetes holds that the environment is that of a release, which people know, and base64.
func TestFunctionsAreThoseOfKubernetes(t *testing.T) {
	want := slices.Collect(maps.Keys(environment.MustBaseEnvSet(version.MajorMinor(1, 36)).NewExpressionsEnv().Functions()))
	want = append(want, "base64.decode", "base64.encode")
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(newCompiler(t).Environment().Functions()))); diff != "" {
		t.Errorf("-Kubernetes +here:\n%s", diff)
	}
}

// TestFunctionsAreDocumented compares what is offered with the table in docs/inventory.md, and with the expressions above.
func TestFunctionsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/inventory.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "### Functions\n")
	section, _, _ = strings.Cut(section, "\n#")
	documented := map[string]bool{}
	for line := range strings.Lines(section) {
		if row := strings.Split(line, "|"); len(row) > 2 {
			for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[2], -1) {
				documented[name[1]] = true
			}
		}
	}
	names := offered(t)
	if diff := cmp.Diff(names, slices.Sorted(maps.Keys(documented))); diff != "" {
		t.Errorf("-offered +documented:\n%s", diff)
	}
	all := ""
	for _, expressions := range families {
		all += strings.Join(slices.Collect(maps.Keys(expressions)), "\n") + "\n"
	}
	for _, name := range names {
		if !regexp.MustCompile(`(^|[^a-zA-Z])` + regexp.QuoteMeta(name) + `\(`).MatchString(all) {
			t.Errorf("%s is offered, and no expression calls it", name)
		}
	}
}

func TestWhatIsNotThere(t *testing.T) {
	for source, want := range map[string]string{
		"cluster.metadata.name.foo":                     "a string has no fields",
		"cluster.metadata.name.foo.bar":                 "a string has no fields",
		"cluster.metadata.name[0]":                      "a string has no fields",
		"cluster.metadata.name[cluster.metadata.name]":  "a string has no fields",
		"cluster.metadata.name.upperAscii().foo":        "does not support field selection",
		"dyn(cluster.metadata.name.upperAscii()).foo":   "a string has no fields",
		"cluster.spec.paused.foo":                       "a bool has no fields",
		"cluster.spec.clusterNetwork.apiServerPort.foo": "a int has no fields",
		"cluster.metadata.labels[1]":                    "keys of an object are strings",
		"cluster.metadata.labels.foo":                   "",
		"cluster.metadata.foo.bar.baz":                  "",
		"cluster.metadata.?foo.bar":                     "",
		"[1][1]":                                        "",
		"cluster.metadata.labels.map(k, k)[7]":          "",
		"infrastructure.foo":                            "",
	} {
		program, err := newCompiler(t).Compile(source)
		if err == nil {
			_, err = program.Value(objects)
		}
		switch {
		case want == "" && err != cel.ErrAbsent: //nolint:errorlint // it is not wrapped
			t.Errorf("%s: got %v; want ErrAbsent", source, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v; want an error with %q, else a typo is silent", source, err, want)
		}
	}
}
