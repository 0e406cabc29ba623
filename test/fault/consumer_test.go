// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/test/fixture"
	"github.com/capi-inventory/capi-inventory/test/output"
)

// TestConsumerIsKilled kills the real consumer while profiles come, change and go. In the end its SpokeChecks are what a fresh consumer
// finds that looks once.
func TestConsumerIsKilled(t *testing.T) {
	c := newConsumer(t)
	kills := &killer{}
	gate := newGateway(t, kills.handle)
	for range either(50, 3) {
		running := run(t, &c.logs, gate.connection(), c.binary, c.flags()...)
		kills.aim(running, 1+c.random.Int64N(6), c.random.IntN(2) == 0)
		for running.alive() {
			c.step(t)
		}
		must(t, running.failure())
		kills.at.Store(nil)
	}
	last := run(t, &c.logs, gate.connection(), c.binary, c.flags()...)
	fresh := c.once(t)
	eventually(t, func() []string {
		must(t, last.failure())
		return c.audit(t, fresh)
	})
	if found := leaked(t, map[string]string{"the logs": c.logs.String()}); len(found) > 0 {
		t.Errorf("%q", found)
	}
}

// consumer is a consumer's part of the hub.
type consumer struct {
	*stage
	random             *rand.Rand
	binary, kubeconfig string
	providers          string
	logs               output.Buffer
}

func newConsumer(t *testing.T) *consumer {
	t.Helper()
	c := &consumer{stage: newStage(t), random: newRandom(t), binary: build(t, "consumer", "../../cmd/consumer")}
	c.providers = providerFile(t)
	// The hub is every spoke that answers.
	c.kubeconfig = filepath.Join(t.TempDir(), "hub.kubeconfig")
	raw := fixture.Kubeconfig("hub", server.Config(), "")
	must(t, os.WriteFile(c.kubeconfig, raw, 0o600))
	must(t, hub.Create(t.Context(), fixture.KubeconfigSecret(c.shared, "hub", raw)))
	return c
}

// providerFile writes a provider file for upstream's plugin that reads kubeconfigs from Secrets.
func providerFile(t *testing.T) string {
	t.Helper()
	plugin := build(t, "kubeconfig-secretreader", "sigs.k8s.io/cluster-inventory-api/plugins/kubeconfig-secretreader/cmd/plugin")
	file := filepath.Join(t.TempDir(), "providers.json")
	must(t, os.WriteFile(file, fmt.Appendf(nil, `{"providers": [{"name": "kubeconfig-secretreader", "execConfig": {
		"apiVersion": "client.authentication.k8s.io/v1", "command": %q, "provideClusterInfo": true}}]}`, plugin), 0o600))
	return file
}

func (c *consumer) flags() []string {
	return []string{
		"--clusterprofile-provider-file", c.providers, "--allow-local-servers", "--leader-elect=false", "--timeout=1m", "--interval=2s",
		"--namespace", c.shared, "--name", c.name,
	}
}

// step carries out one random operation.
func (c *consumer) step(t *testing.T) {
	t.Helper()
	profile := &inventoryv1alpha1.ClusterProfile{ObjectMeta: metav1.ObjectMeta{
		Namespace: c.shared, Name: fmt.Sprintf("p%d", c.random.IntN(5)),
	}}
	switch err := hub.Get(t.Context(), client.ObjectKeyFromObject(profile), profile); {
	case client.IgnoreNotFound(err) != nil:
		must(t, err)
	case err != nil:
		profile.Spec.ClusterManager.Name = c.name
		must(t, hub.Create(t.Context(), profile))
	case c.random.IntN(4) == 0:
		must(t, hub.Delete(t.Context(), profile))
	default:
		profile.Status.Conditions = []metav1.Condition{}
		profile.Status.AccessProviders = c.access()
		must(t, hub.Status().Update(t.Context(), profile))
	}
}

// access is of a spoke that answers, of one that does not, of a plugin that nobody knows, or none.
func (c *consumer) access() []inventoryv1alpha1.AccessProvider {
	cluster := c.hubAsSpoke()
	name := "kubeconfig-secretreader"
	switch c.random.IntN(5) {
	case 0:
		return nil
	case 1:
		name = "unheard-of"
	case 2:
		cluster.Server = "https://127.0.0.1:1"
	}
	return []inventoryv1alpha1.AccessProvider{{Name: name, Cluster: cluster}}
}

// hubAsSpoke is the hub as a spoke that answers, whose kubeconfig upstream's plugin finds.
func (c *consumer) hubAsSpoke() clientcmdv1.Cluster {
	config := server.Config()
	return clientcmdv1.Cluster{
		Server:                   config.Host,
		CertificateAuthorityData: config.CAData,
		Extensions: []clientcmdv1.NamedExtension{{
			Name:      "client.authentication.k8s.io/exec",
			Extension: runtime.RawExtension{Raw: fmt.Appendf(nil, `{"name":"hub-kubeconfig","key":"value","namespace":%q}`, c.shared)},
		}},
	}
}

// once returns what a fresh consumer finds, by the name of the profile.
func (c *consumer) once(t *testing.T) map[string]v1alpha1.SpokeCheckStatus {
	t.Helper()
	command := exec.Command(c.binary, append(c.flags(), "--kubeconfig", c.kubeconfig, "--once", "-o", "json")...)
	var failure bytes.Buffer
	command.Stderr = &failure
	out, err := command.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("looking once: %v\n%s", err, failure.String())
	}
	var list v1alpha1.SpokeCheckList
	must(t, json.Unmarshal(out, &list))
	return statuses(list.Items)
}

// audit compares the SpokeChecks with what a fresh consumer has found.
func (c *consumer) audit(t *testing.T, fresh map[string]v1alpha1.SpokeCheckStatus) []string {
	t.Helper()
	var checks v1alpha1.SpokeCheckList
	must(t, hub.List(t.Context(), &checks, client.InNamespace(c.shared)))
	var faults []string
	if diff := cmp.Diff(fresh, statuses(checks.Items)); diff != "" {
		faults = append(faults, "-fresh +reported:\n"+diff)
	}
	for i := range checks.Items {
		check := &checks.Items[i]
		profile := &inventoryv1alpha1.ClusterProfile{}
		must(t, client.IgnoreNotFound(hub.Get(t.Context(), client.ObjectKeyFromObject(check), profile)))
		if len(check.OwnerReferences) != 1 || check.OwnerReferences[0].UID != profile.UID {
			faults = append(faults, fmt.Sprintf("%s: is not owned by its profile", check.Name))
		}
	}
	return faults
}

// statuses returns what is reported of each profile, but for times and for what is remembered of a spoke that does not answer now.
func statuses(checks []v1alpha1.SpokeCheck) map[string]v1alpha1.SpokeCheckStatus {
	reported := map[string]v1alpha1.SpokeCheckStatus{}
	for i := range checks {
		status := v1alpha1.SpokeCheckStatus{Server: checks[i].Status.Server, Provider: checks[i].Status.Provider}
		for _, condition := range checks[i].Status.Conditions {
			status.Conditions = append(status.Conditions, metav1.Condition{
				Type: condition.Type, Status: condition.Status, Reason: condition.Reason,
			})
		}
		reported[checks[i].Name] = status
	}
	return reported
}
