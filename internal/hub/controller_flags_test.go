// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/internal/hub/commandline"
)

func TestFlagsReportWrongValues(t *testing.T) {
	cases := map[string]struct {
		why  string
		args []string
		want string
	}{
		"Defaults":    {why: "the defaults must work"},
		"NoLimit":     {why: "zero is no limit", args: []string{"--kube-api-qps=0"}},
		"Concurrency": {why: "nothing would be done", args: []string{"--concurrency=0"}, want: "--concurrency: must be positive"},
		"QPS":         {why: "only zero is no limit", args: []string{"--kube-api-qps=-1"}, want: "--kube-api-qps: must not be negative"},
		"Burst":       {why: "no request would be sent", args: []string{"--kube-api-burst=0"}, want: "--kube-api-burst: must be positive"},
		"Namespaces": {
			why:  "a watch would fail forever, and every wrong value is reported",
			args: []string{"-n", "A,b", "--namespace=c/d"},
			want: "--namespace: \"A\" is not a valid namespace name\n--namespace: \"c/d\" is not a valid namespace name",
		},
		"Argument": {
			why:  "an argument would be ignored",
			args: []string{"now"},
			want: `unexpected argument "now": only flags are accepted`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			shared := &hub.Flags{Burst: 1, Concurrency: 1}
			flags := commandline.NewFlagSet("test", "")
			shared.AddTo(flags, hub.Usage{})
			err := commandline.Parse(flags, tc.args)
			if err == nil {
				var errs commandline.FlagErrors
				shared.Validate(&errs)
				err = errs.Join()
			}
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.why, diff)
			}
		})
	}
}

// kubeconfig writes a kubeconfig and returns its path.
func kubeconfig(t *testing.T, server string) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: server}
	config.Contexts["x"] = &clientcmdapi.Context{Cluster: "c"}
	config.CurrentContext = "x"
	path := filepath.Join(t.TempDir(), ".kube", "config")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagsSelectTheHub(t *testing.T) {
	t.Setenv("KUBECONFIG", kubeconfig(t, "https://environment:6443"))
	cases := map[string]struct {
		why   string
		flags hub.Flags
		host  string
		qps   float32
	}{
		"Environment": {why: "the flag is not set, and zero is no limit", host: "https://environment:6443", qps: -1},
		"Flag": {
			why:   "the flag wins over the environment",
			flags: hub.Flags{Kubeconfig: kubeconfig(t, "https://flag:6443"), QPS: 20, Burst: 30},
			host:  "https://flag:6443",
			qps:   20,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			config, err := tc.flags.RESTConfig(commandline.ClientConfig(tc.flags.Kubeconfig), "agent", tc.flags.Fence())
			if err != nil {
				t.Fatal(err)
			}
			if config.Host != tc.host || config.QPS != tc.qps || config.Burst != tc.flags.Burst || config.UserAgent != "agent" {
				t.Errorf("%s; got %s, %v, %v, %s", tc.why, config.Host, config.QPS, config.Burst, config.UserAgent)
			}
		})
	}
}

func TestManagerOptionsProtectMetrics(t *testing.T) {
	secure := (&hub.Flags{DiagnosticsAddress: ":1"}).ManagerOptions(hub.NewScheme(), "lease").Metrics
	if !secure.SecureServing || secure.FilterProvider == nil {
		t.Error("metrics must be served over TLS and to authorized clients by default")
	}
	insecure := (&hub.Flags{InsecureDiagnostics: true}).ManagerOptions(hub.NewScheme(), "lease").Metrics
	if insecure.SecureServing || insecure.FilterProvider != nil {
		t.Error("--insecure-diagnostics must serve metrics over plain HTTP and to any client")
	}
}
