// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokecheck

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	"k8s.io/client-go/rest"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/assets"
)

// lastStages are where a probe ends with a reason.
var lastStages = map[string]string{
	v1alpha1.ReasonReachable:             "whoami",
	v1alpha1.ReasonUnauthorized:          "readyz",
	v1alpha1.ReasonTLSFailed:             "tls",
	v1alpha1.ReasonCredentialsFailed:     "plugin",
	v1alpha1.ReasonReferenceNotPermitted: "access",
	v1alpha1.ReasonNoAccessProvider:      "access",
	v1alpha1.ReasonInvalidAccess:         "access",
}

// TestFailedStageIsReported is the SpokeCheck of each kind of failure, in one fleet: failing spokes do not affect the others.
func TestFailedStageIsReported(t *testing.T) {
	f := newFleet(t)
	tokens := t.TempDir()
	bearer, _ := token(t, "stages")
	if err := os.WriteFile(filepath.Join(tokens, "workload-1"), []byte(execCredential(bearer)), 0o600); err != nil {
		t.Fatal(err)
	}
	proxied := shell(
		"open-cluster-management",
		`case "$KUBERNETES_EXEC_INFO" in *'"clusterName":"cluster1"'*) cat "$1";; esac`,
		filepath.Join(tokens, "workload-1"),
	)
	proxied["profileSourcedClusterNameAllowed"] = true
	checker := f.checker(
		secretReader(),
		shell("missing", "exec no-such-plugin"),
		provider{
			"name":       "absent",
			"execConfig": map[string]any{"apiVersion": "client.authentication.k8s.io/v1", "command": "/no/such/plugin"},
		},
		shell("hangs", "sleep 1000"),
		shell("floods", "yes"),
		// The next three are the providers of the documentation of Open Cluster Management and Headlamp.
		proxied,
		shell("static-token-spoke-a", `cat "$1"`, filepath.Join(tokens, "workload-1")),
		provider{"name": "capi-secret", "execConfig": map[string]any{
			"apiVersion":         "client.authentication.k8s.io/v1",
			"command":            "sh",
			"args":               []string{"-c", `cat "$0/$1"`, tokens, "workload-1"},
			"provideClusterInfo": false,
		}},
	)
	// Long enough for a plugin and a server that work, however busy the machine is.
	checker.Credentials.Timeout = 10 * time.Second
	checker.Prober.Timeout = 10 * time.Second
	admin := spokeServer.Config()
	with := func(change func(*rest.Config)) *rest.Config {
		config := rest.CopyConfig(admin)
		change(config)
		return config
	}
	expired := expiredServer(t)
	ready := "The spoke is ready and accepts the published access"
	cases := map[string]struct {
		why     string
		publish func(name string)
		want    v1alpha1.SpokeCheckStatus
		reason  string
		message string
	}{
		"reachable": {
			why:     "the good case, with upstream's own plugin",
			publish: func(name string) { f.publish(name, admin) },
			reason:  v1alpha1.ReasonReachable,
			message: ready,
			want: v1alpha1.SpokeCheckStatus{
				Provider:          "kubeconfig-secretreader",
				Server:            serverOf(admin),
				KubernetesVersion: assets.KubernetesVersion,
				User:              "admin",
			},
		},
		"refused-token": {
			why: "a token of another cluster",
			publish: func(name string) {
				f.publish(name, with(func(c *rest.Config) { c.CertData, c.KeyData, c.BearerToken = nil, nil, "no" }))
			},
			reason:  v1alpha1.ReasonUnauthorized,
			message: "The spoke refuses the credentials (401): they have expired, were revoked, or belong to another cluster",
			want:    v1alpha1.SpokeCheckStatus{Provider: "kubeconfig-secretreader", Server: serverOf(admin)},
		},
		"wrong-ca": {
			why: "an authority that was rotated without the profile",
			publish: func(name string) {
				f.publish(name, with(func(c *rest.Config) { c.CAData = hubServer.CertificateAuthority() }))
			},
			reason: v1alpha1.ReasonTLSFailed,
			message: "The certificate of " + hostOf(admin) + " was signed by an authority that is not in the profile's " +
				"certificate-authority-data",
			want: v1alpha1.SpokeCheckStatus{Provider: "kubeconfig-secretreader", Server: serverOf(admin)},
		},
		"expired": {
			why: "it was not renewed",
			publish: func(name string) {
				f.publish(name, with(func(c *rest.Config) { c.Host, c.CAData = expired.Host, expired.CAData }))
			},
			reason: v1alpha1.ReasonTLSFailed,
			message: "The certificate of " + hostOf(expired) + " is valid from 2020-01-01 to 2021-01-01 only; it has " +
				"expired, or a clock is wrong",
			want: v1alpha1.SpokeCheckStatus{Provider: "kubeconfig-secretreader", Server: expired.Host},
		},
		"no-secret": {
			why: "the plugin's own words say what is missing",
			publish: func(name string) {
				f.offer(
					name,
					offering(
						"kubeconfig-secretreader",
						admin,
						"client.authentication.k8s.io/exec",
						fmt.Sprintf(`{"name":"missing-kubeconfig","key":"value","namespace":%q}`, f.namespace),
					),
				)
			},
			reason: v1alpha1.ReasonCredentialsFailed,
			message: `The plugin kubeconfig-secretreader of the access provider kubeconfig-secretreader failed (exit status 1): ` +
				`[kubeconfig-secretreader] failed to get secret ` + f.namespace + `/missing-kubeconfig: secrets ` +
				`"missing-kubeconfig" not found`,
			want: v1alpha1.SpokeCheckStatus{Provider: "kubeconfig-secretreader", Server: serverOf(admin)},
		},
		"foreign-secret": {
			why: "another tenant's Secret would go to this tenant's server",
			publish: func(name string) {
				f.offer(
					name,
					offering(
						"kubeconfig-secretreader",
						admin,
						"client.authentication.k8s.io/exec",
						`{"name":"missing-kubeconfig","key":"value","namespace":"default"}`,
					),
				)
			},
			reason:  v1alpha1.ReasonReferenceNotPermitted,
			message: `The profile refers to a Secret in the namespace "default", which is not its own; --reference-namespaces permits it`,
			want:    v1alpha1.SpokeCheckStatus{Provider: "kubeconfig-secretreader", Server: serverOf(admin)},
		},
		"plugin-absent": {
			why:     "an image without it",
			publish: func(name string) { f.offer(name, offering("absent", admin)) },
			reason:  v1alpha1.ReasonCredentialsFailed,
			message: "The plugin /no/such/plugin of the access provider absent is not there: install it where the consumer runs",
			want:    v1alpha1.SpokeCheckStatus{Provider: "absent", Server: serverOf(admin)},
		},
		"plugin-hangs": {
			why:     "a cloud's token service that does not answer",
			publish: func(name string) { f.offer(name, offering("hangs", admin)) },
			reason:  v1alpha1.ReasonCredentialsFailed,
			message: "The plugin sh of the access provider hangs gave no answer within 10s and was killed",
			want:    v1alpha1.SpokeCheckStatus{Provider: "hangs", Server: serverOf(admin)},
		},
		"plugin-floods": {
			why:     "a script gone mad",
			publish: func(name string) { f.offer(name, offering("floods", admin)) },
			reason:  v1alpha1.ReasonCredentialsFailed,
			message: "The plugin sh of the access provider floods wrote more than 262144 bytes and was killed",
			want:    v1alpha1.SpokeCheckStatus{Provider: "floods", Server: serverOf(admin)},
		},
		"no-provider": {
			why:     "a profile without a status yet",
			publish: func(name string) { f.offer(name) },
			reason:  v1alpha1.ReasonNoAccessProvider,
			message: "The profile offers no access provider; its cluster manager has not published how to reach the cluster",
		},
		"other-provider": {
			why:     "GKE's profiles, for a consumer without its plugin",
			publish: func(name string) { f.offer(name, offering("google", admin)) },
			reason:  v1alpha1.ReasonNoAccessProvider,
			message: "The profile offers google, and the provider file knows only absent, capi-secret, floods, hangs, " +
				"kubeconfig-secretreader, others; add one of the former to the file",
		},
		"no-server": {
			why:     "the CRD accepts it",
			publish: func(name string) { f.offer(name, inventoryv1alpha1.AccessProvider{Name: "kubeconfig-secretreader"}) },
			reason:  v1alpha1.ReasonInvalidAccess,
			message: "The access provider names no server",
			want:    v1alpha1.SpokeCheckStatus{Provider: "kubeconfig-secretreader"},
		},
		"cluster-proxy": {
			why: "Open Cluster Management: a path of a server that leads to all spokes",
			publish: func(name string) {
				f.offer(
					name,
					offering("open-cluster-management", clusterProxy(t), "client.authentication.k8s.io/exec", `{"clusterName":"cluster1"}`),
				)
			},
			reason:  v1alpha1.ReasonReachable,
			message: ready,
			want: v1alpha1.SpokeCheckStatus{
				Provider:          "open-cluster-management",
				Server:            "/cluster1",
				KubernetesVersion: assets.KubernetesVersion,
				User:              "system:serviceaccount:default:stages",
			},
		},
		"capi-secret": {
			why:     "Headlamp: a plugin for one cluster, that does not use the profile",
			publish: func(name string) { f.offer(name, offering("capi-secret", admin)) },
			reason:  v1alpha1.ReasonReachable,
			message: ready,
			want: v1alpha1.SpokeCheckStatus{
				Provider:          "capi-secret",
				Server:            serverOf(admin),
				KubernetesVersion: assets.KubernetesVersion,
				User:              "system:serviceaccount:default:stages",
			},
		},
		"static-token-spoke-a": {
			why:     "Headlamp: a static token",
			publish: func(name string) { f.offer(name, offering("static-token-spoke-a", admin)) },
			reason:  v1alpha1.ReasonReachable,
			message: ready,
			want: v1alpha1.SpokeCheckStatus{
				Provider:          "static-token-spoke-a",
				Server:            serverOf(admin),
				KubernetesVersion: assets.KubernetesVersion,
				User:              "system:serviceaccount:default:stages",
			},
		},
		"deprecated": {
			why: "a manager that still writes credentialProviders",
			publish: func(name string) {
				f.update(f.offer(name), func(status *inventoryv1alpha1.ClusterProfileStatus) {
					status.CredentialProviders = []inventoryv1alpha1.CredentialProvider{offering("static-token-spoke-a", admin)}
				})
			},
			reason:  v1alpha1.ReasonReachable,
			message: ready,
			want: v1alpha1.SpokeCheckStatus{
				Provider:          "static-token-spoke-a",
				Server:            serverOf(admin),
				KubernetesVersion: assets.KubernetesVersion,
				User:              "system:serviceaccount:default:stages",
			},
		},
		"hanging": {
			why:     "a node that hangs",
			publish: func(name string) { f.offer(name, offering("static-token-spoke-a", hanging(t))) },
			reason:  v1alpha1.ReasonConnectFailed,
		},
		"stopped": {
			why:     "nothing listens any more",
			publish: func(name string) { f.offer(name, offering("static-token-spoke-a", refusing(t))) },
			reason:  v1alpha1.ReasonConnectFailed,
		},
	}
	for name, tc := range cases {
		tc.publish(name)
	}
	f.watch(func(r *Reconciler) { r.Checker = checker })
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			gomega.NewWithT(t).Eventually(f.reason(name)).WithTimeout(2*time.Minute).Should(gomega.Equal(tc.reason), tc.why)
			check := f.check(name)
			if tc.message == "" {
				return
			}
			if diff := cmp.Diff(tc.message, reachable(check.Status).Message); diff != "" {
				t.Errorf("%s\nmessage -want +got:\n%s", tc.why, diff)
			}
			got := check.Status
			if last := got.Stages[len(got.Stages)-1].Name; got.Stages[0].Name != "access" || last != lastStages[tc.reason] {
				t.Errorf("%s\nthe stages are %+v", tc.why, got.Stages)
			}
			got.Stages, got.Conditions, got.LastProbeTime, got.Expires, got.Expirations, got.HeartbeatSeconds = nil, nil, nil, nil, nil, 0
			if strings.HasSuffix(got.Server, tc.want.Server) {
				got.Server = tc.want.Server
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nstatus -want +got:\n%s", tc.why, diff)
			}
		})
	}
}
