// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/failure"
)

const (
	extensionExec = "client.authentication.k8s.io/exec"
	extensionArgs = "clusterprofiles.multicluster.x-k8s.io/exec/additional-args"
	extensionEnvs = "clusterprofiles.multicluster.x-k8s.io/exec/additional-envs"
)

func TestConnectionIsRefused(t *testing.T) {
	with := func(change func(*clientcmdv1.Cluster)) *inventoryv1alpha1.ClusterProfile {
		offer := offer("first", "https://a:6443")
		change(&offer.Cluster)
		return profile(offer)
	}
	cases := map[string]struct {
		why     string
		profile *inventoryv1alpha1.ClusterProfile
		reason  string
		message string
	}{
		"NoProvider": {
			why:     "KubeFleet's profiles, and ours before the kubeconfig is there",
			profile: profile(),
			reason:  v1alpha1.ReasonNoAccessProvider,
			message: "The profile offers no access provider; its cluster manager has not published how to reach the cluster",
		},
		"OtherProvider": {
			why: "OCM's cluster-proxy, for a consumer without its plugin; which names are there is what one needs to know",
			profile: profile(
				offer(
					"open-cluster-management",
					"https://cluster-proxy-addon-user.open-cluster-management-addon:9092/cluster1",
					extensionExec,
					`{"clusterName": "cluster1"}`,
				),
			),
			reason: v1alpha1.ReasonNoAccessProvider,
			message: "The profile offers open-cluster-management, and the provider file knows only first, second; add one of " +
				"the former to the file",
		},
		"ManyProviders": {
			why:     "a profile may offer hundreds",
			profile: profile(offer("f", ""), offer("e", ""), offer("d", ""), offer("c", ""), offer("b", ""), offer("a", "")),
			reason:  v1alpha1.ReasonNoAccessProvider,
			message: "The profile offers a, b, c, d, e, others, and the provider file knows only first, second; add one " +
				"of the former to the file",
		},
		"NoServer": {
			why:     "the CRD accepts an access provider without a cluster",
			profile: profile(offer("first", "")),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: "The access provider names no server",
		},
		"NoScheme": {
			why:     "exec plugins and Headlamp refuse it; client-go alone would take it",
			profile: profile(offer("first", "10.0.0.1:6443")),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: `The server "10.0.0.1:6443" is not an absolute https URL with a host`,
		},
		"HTTP": {
			why:     "the credentials would travel in clear text",
			profile: profile(offer("first", "http://a:80")),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: `The server "http://a:80" has the scheme "http"; credentials travel over https only`,
		},
		"UserInfo": {
			why:     "profiles are read by many; and the message must not spread it further",
			profile: profile(offer("first", "https://u:p@a")),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: "The server carries a user name or password, which a profile must not",
		},
		"BrokenUserInfo": {
			why:     "a URL that cannot be read may hold a password all the same",
			profile: profile(offer("first", "https://u:p@a b")),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: `The server "…@a b" is not an absolute https URL with a host`,
		},
		"Loopback": {
			why:     "the consumer's own machine is no spoke",
			profile: profile(offer("first", "https://127.0.0.1:6443")),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: `The server "https://127.0.0.1:6443" is on a loopback, link-local or metadata address, which is another ` +
				`machine for every reader; --allow-local-servers permits it`,
		},
		"MetadataService": {
			why:     "it gives the node's credentials to every client",
			profile: profile(offer("first", "https://[::ffff:169.254.169.254]")),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: `The server "https://[::ffff:169.254.169.254]" is on a loopback, link-local or metadata address, which ` +
				`is another machine for every reader; --allow-local-servers permits it`,
		},
		"LocalProxy": {
			why:     "a proxy is dialled as well",
			profile: with(func(c *clientcmdv1.Cluster) { c.ProxyURL = "http://169.254.169.254" }),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: "The proxy-url is on a loopback, link-local or metadata address; --allow-local-servers permits it",
		},
		"ProxyScheme": {
			why:     "net/http would fail at the first request only",
			profile: with(func(c *clientcmdv1.Cluster) { c.ProxyURL = "ftp://proxy" }),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: `The proxy-url has the scheme "ftp"; only http, https and socks5 are supported`,
		},
		"ProxyWithoutHost": {
			why:     "likewise",
			profile: with(func(c *clientcmdv1.Cluster) { c.ProxyURL = "proxy:3128" }),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: "The proxy-url is not an absolute URL with a host",
		},
		"NoPEM": {
			why:     "client-go's words for it name no field",
			profile: with(func(c *clientcmdv1.Cluster) { c.CertificateAuthorityData = []byte("<base64 CA bundle>") }),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: "The certificate-authority-data contains no PEM certificate",
		},
		"DuplicateExtension": {
			why:     "B9: the CRD accepts it and the library fails with words about a list",
			profile: profile(offer("first", "https://a", extensionExec, `{"a":1}`, extensionExec, `{"a":2}`)),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: `The access provider has two extensions named "client.authentication.k8s.io/exec"; readers cannot know which to use`,
		},
		"ArgsNoList": {
			why:     "B10: the only shape that the v1alpha1 CRD accepts is one that no reader can use",
			profile: profile(offer("second", "https://a", extensionArgs, `{"a":"b"}`)),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: "The extension clusterprofiles.multicluster.x-k8s.io/exec/additional-args is not a list of strings",
		},
		"EnvsNoMap": {
			why:     "B10",
			profile: profile(offer("second", "https://a", extensionEnvs, `["a"]`)),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: "The extension clusterprofiles.multicluster.x-k8s.io/exec/additional-envs is not a map of strings",
		},
		"EnvsProgram": {
			why:     "a shell runs what the value says",
			profile: profile(offer("second", "https://a", extensionEnvs, `{"CLUSTER":"a","BASH_ENV":"$(id)"}`)),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: `The extension clusterprofiles.multicluster.x-k8s.io/exec/additional-envs sets the variable "BASH_ENV", ` +
				`which profileSourcedEnvVarsAllowed of the provider second does not list`,
		},
		"EnvsFunction": {
			why:     "a shell runs it in place of a program",
			profile: profile(offer("second", "https://a", extensionEnvs, `{"BASH_FUNC_cat%%":"() { id; }"}`)),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: `The extension clusterprofiles.multicluster.x-k8s.io/exec/additional-envs sets the variable ` +
				`"BASH_FUNC_cat%%", which profileSourcedEnvVarsAllowed of the provider second does not list`,
		},
		"EnvsEndpoint": {
			why:     "the consumer's own token for the cloud would go there",
			profile: profile(offer("second", "https://a", extensionEnvs, `{"AZURE_AUTHORITY_HOST":"https://evil"}`)),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: `The extension clusterprofiles.multicluster.x-k8s.io/exec/additional-envs sets the variable ` +
				`"AZURE_AUTHORITY_HOST", which profileSourcedEnvVarsAllowed of the provider second does not list`,
		},
		"EnvsCase": {
			why:     "another variable to most programs, and the same to some",
			profile: profile(offer("second", "https://a", extensionEnvs, `{"cluster":"a"}`)),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: `The extension clusterprofiles.multicluster.x-k8s.io/exec/additional-envs sets the variable "cluster", ` +
				`which profileSourcedEnvVarsAllowed of the provider second does not list`,
		},
		"EnvsLongName": {
			why:     "a message is bounded",
			profile: profile(offer("second", "https://a", extensionEnvs, `{"`+strings.Repeat("X", 100)+`":"a"}`)),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: `The extension clusterprofiles.multicluster.x-k8s.io/exec/additional-envs sets the variable "` + strings.Repeat(
				"X",
				61,
			) + `…", which profileSourcedEnvVarsAllowed of the provider second does not list`,
		},
		"EnvsNUL": {
			why:     "no program can be given it",
			profile: profile(offer("second", "https://a", extensionEnvs, `{"CLUSTER":"\u0000"}`)),
			reason:  v1alpha1.ReasonInvalidAccess,
			message: `The extension clusterprofiles.multicluster.x-k8s.io/exec/additional-envs sets the variable "CLUSTER" to a value ` +
				`with a NUL byte`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			connection, err := load(t, twoProviders, access.Options{}).Connection(tc.profile)
			if strings.Contains(connection.Server, "u:p@") {
				t.Errorf("%s: it is in the published server: %s", tc.why, connection.Server)
			}
			var known *failure.Error
			if !errors.As(err, &known) {
				t.Fatalf("%s: %v is no failure", tc.why, err)
			}
			if diff := cmp.Diff(&failure.Error{Reason: tc.reason, Message: tc.message}, known); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestConnectionToSpoke(t *testing.T) {
	ca := []byte(testCA)
	cases := map[string]struct {
		why     string
		profile *inventoryv1alpha1.ClusterProfile
		options access.Options
		want    string
		args    []string
		env     []clientcmdapi.ExecEnvVar
		config  string
		note    string
	}{
		"OrderOfTheFile": {why: "the file's order decides, as in every reader that uses the library",
			profile: profile(offer("second", "https://two"), offer("first", "https://one")), want: "first https://one"},
		"Deprecated": {why: "credentialProviders still work", profile: func() *inventoryv1alpha1.ClusterProfile {
			p := profile()
			p.Status.CredentialProviders = []inventoryv1alpha1.CredentialProvider{
				offer("first", "https://old", extensionExec, `{"clusterName":"c"}`),
			}
			return p
		}(), want: "first https://old", config: `{"clusterName":"c"}`},
		"BothFields": {why: "accessProviders win where both have a name", profile: func() *inventoryv1alpha1.ClusterProfile {
			p := profile(offer("first", "https://new"))
			p.Status.CredentialProviders = []inventoryv1alpha1.CredentialProvider{offer("first", "https://old")}
			return p
		}(), want: "first https://new"},
		"ClusterProxy": {
			why: "OCM's server has a path",
			profile: profile(
				offer(
					"first",
					"https://cluster-proxy-addon-user.open-cluster-management-addon:9092/cluster1",
					extensionExec,
					`{"clusterName":"cluster1"}`,
				),
			),
			want:   "first https://cluster-proxy-addon-user.open-cluster-management-addon:9092/cluster1",
			config: `{"clusterName":"cluster1"}`,
		},
		"NoExtension": {why: "Headlamp's capi-secret brings none", profile: profile(offer("first", "https://a")), want: "first https://a"},
		"SortedEnvironment": {
			why:     "B4: the library's order is random, and would make the credentials look different",
			profile: profile(offer("second", "https://a", extensionEnvs, `{"C":"profile","A":"profile"}`)),
			want:    "second https://a",
			args: []string{
				"base",
			},
			env: []clientcmdapi.ExecEnvVar{{Name: "A", Value: "file"}, {Name: "B", Value: "file"}, {Name: "C", Value: "profile"}},
		},
		"NullEnvironment": {
			why:     "B5: the library panics",
			profile: profile(offer("second", "https://a", extensionEnvs, `null`)),
			want:    "second https://a",
			args: []string{
				"base",
			},
			env: []clientcmdapi.ExecEnvVar{{Name: "A", Value: "file"}, {Name: "B", Value: "file"}},
		},
		"EmptyEnvironment": {
			why:     "B5: likewise",
			profile: profile(offer("second", "https://a", extensionEnvs, ``)),
			want:    "second https://a",
			args: []string{
				"base",
			},
			env: []clientcmdapi.ExecEnvVar{{Name: "A", Value: "file"}, {Name: "B", Value: "file"}},
		},
		"IgnoredExtensions": {
			why:     "what a provider does not take from profiles cannot be wrong",
			profile: profile(offer("first", "https://a", extensionEnvs, `["PATH"]`, extensionArgs, `{}`)),
			want:    "first https://a",
		},
		"TLSFieldsDropped": {
			why: "B6: as other readers do",
			profile: func() *inventoryv1alpha1.ClusterProfile {
				p := profile(offer("first", "https://a"))
				p.Status.AccessProviders[0].Cluster.TLSServerName = "b"
				return p
			}(),
			want: "first https://a",
			note: "tls-server-name and insecure-skip-tls-verify of the profile were not used; --honor-tls-fields would",
		},
		"TLSFieldsHonored": {
			why:     "B6: with a word about other readers",
			options: access.Options{HonorTLSFields: true},
			profile: func() *inventoryv1alpha1.ClusterProfile {
				p := profile(offer("first", "https://a"))
				p.Status.AccessProviders[0].Cluster.TLSServerName = "b"
				return p
			}(),
			want: "first https://a b",
			note: "the profile sets tls-server-name or insecure-skip-tls-verify, which readers built on v0.1.3 of " +
				"cluster-inventory-api drop",
		},
		"CertificateAuthority": {why: "it is all that makes the server trustworthy", profile: func() *inventoryv1alpha1.ClusterProfile {
			p := profile(offer("first", "https://a"))
			p.Status.AccessProviders[0].Cluster.CertificateAuthorityData = ca
			return p
		}(), want: "first https://a " + testCA},
		"AllowLocal": {
			why:     "tests and the demo",
			options: access.Options{AllowLocalServers: true},
			profile: profile(offer("first", "https://127.0.0.1:1")),
			want:    "first https://127.0.0.1:1",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			connection, err := load(t, twoProviders, tc.options).Connection(tc.profile)
			if err != nil {
				t.Fatalf("%s: %v", tc.why, err)
			}
			got := strings.TrimSpace(
				fmt.Sprintf(
					"%s %s %s%s",
					connection.Provider,
					connection.Config.Host,
					connection.Config.ServerName,
					connection.Config.CAData,
				),
			)
			config, _ := connection.Config.ExecProvider.Config.(*runtime.Unknown)
			if config == nil {
				config = &runtime.Unknown{}
			}
			for what, pair := range map[string][2]any{
				"server":    {tc.want, got},
				"arguments": {tc.args, connection.Config.ExecProvider.Args},
				"variables": {tc.env, connection.Config.ExecProvider.Env},
				"config":    {tc.config, string(config.Raw)},
				"note":      {tc.note, connection.Note},
			} {
				if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
					t.Errorf("%s\n%s -want +got:\n%s", tc.why, what, diff)
				}
			}
			if connection.Config.Proxy != nil {
				t.Errorf("%s: without a proxy-url the environment's proxy counts, for which Proxy must be nil (B7, B8)", tc.why)
			}
		})
	}
}

// testCA is a certificate without a known key.
const testCA = `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUSheVVc1FOxZUsEEvhjmSgF9CbQkwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjAxMTUwMTVaGA8yMTI2MTAyNzExNTAx
NVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAvH
SzQK0+QTqffg6eYteRlq4DrF3gmnJWC6oabq9yYYB88RESgd+891L2czA2xlv8Z9
3LGdxvkLF9fkWy61FQ2jUzBRMB0GA1UdDgQWBBTfWMGDXPa9wagarNP400GeVyDA
CDAfBgNVHSMEGDAWgBTfWMGDXPa9wagarNP400GeVyDACDAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQDNQ+QBCnl9EyYFJidslaQFZcfxbhuITrHM
9/nlbeIXCwIhAIVtbyLMO7FQVUWC6H63xqYS+IvkXbfeJ7tq4R+s+xpX
-----END CERTIFICATE-----`

func TestConnectionUsesProxy(t *testing.T) {
	p := profile(offer("first", "https://a"))
	p.Status.AccessProviders[0].Cluster.ProxyURL = "socks5://proxy:1080"
	connection, err := load(t, twoProviders, access.Options{}).Connection(p)
	if err != nil {
		t.Fatal(err)
	}
	u, err := connection.Config.Proxy(&http.Request{})
	if err != nil || u.String() != "socks5://proxy:1080" {
		t.Errorf("proxy: %v, %v", u, err)
	}
}
