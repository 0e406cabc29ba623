// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// TestDeploy: make deploy touches no Inventory of a hub that has been installed before, and leaves no broker old.
func TestDeploy(t *testing.T) {
	g := NewWithT(t)
	g.Expect(script(t, "deploy", "FIRST=yes")).To(ContainSubstring("kubectl apply --server-side -k config/samples\n"))
	g.Expect(script(t, "deploy")).To(And(ContainSubstring("kubectl apply"), Not(ContainSubstring("config/samples"))))

	installBroker(t, "fleet,headlamp")
	g.Expect(script(t, "deploy")).To(And(
		ContainSubstring("ACCESS_NAMESPACES: must be set where a broker is installed. This one has ACCESS_NAMESPACES=fleet,headlamp\n"),
		Not(ContainSubstring("kubectl apply"))))
	g.Expect(script(t, "deploy", "ACCESS_NAMESPACES=fleet,argocd")).
		To(ContainSubstring("kubectl apply --server-side -n argocd -k config/rbac/broker-namespace\n"))
}

// TestDeployTakesNoNamespaceAway: where a broker has granted access, only it can renew and revoke that. Each recipe names its own
// namespace, so that a second one would take away that of the first.
func TestDeployTakesNoNamespaceAway(t *testing.T) {
	g := NewWithT(t)
	grant := func(namespace, class string) {
		one := &v1alpha1.AccessGrant{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "c1.kubeconfig-secretreader"},
			Spec: v1alpha1.AccessGrantSpec{
				PublisherClass: class, Inventory: "default", Provider: "kubeconfig-secretreader", Profile: "c1",
				Cluster:        v1alpha1.GrantedCluster{Namespace: "team-a", Name: "c1", UID: "1"},
				ServiceAccount: v1alpha1.ServiceAccountAccess{ClusterRoles: []string{"view"}},
			},
		}
		g.Expect(k8s.Create(t.Context(), one)).To(Succeed())
		t.Cleanup(func() { g.Expect(k8s.Delete(context.Background(), one)).To(Succeed()) })
	}
	grant("monitoring", "")
	grant("team-a", "")
	grant("team-b", "blue")
	for name, c := range map[string]struct {
		why, served, wanted, lost string
	}{
		"OneLost":       {"its tokens would expire", "team-a,monitoring", "argocd,team-a", "monitoring"},
		"AllLost":       {"each is named", "monitoring,team-a", "argocd", "monitoring,team-a"},
		"AllServed":     {"a broker without a list serves every namespace", "", "argocd,team-a", "monitoring"},
		"NoneLost":      {"more namespaces take nothing away", "team-a,monitoring", "monitoring,argocd,team-a", ""},
		"WithoutGrants": {"nothing was granted in argocd", "argocd,team-a,monitoring", "team-a,monitoring", ""},
		"NeverServed":   {"this broker has never granted anything in team-a", "monitoring", "monitoring,argocd", ""},
		"OfAnother":     {"grants of a class have another broker", "monitoring,team-a,team-b", "monitoring,team-a", ""},
		"LongerName":    {"team-a-2 is not team-a", "team-a", "team-a-2", "team-a"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			installBroker(t, c.served)
			said := script(t, "deploy", "ACCESS_NAMESPACES="+c.wanted)
			if c.lost == "" {
				g.Expect(said).To(And(Not(ContainSubstring("must list")), ContainSubstring("kubectl apply")), c.why)
				return
			}
			g.Expect(said).To(And(ContainSubstring("ACCESS_NAMESPACES: must list %s too, where the broker has AccessGrants", c.lost),
				ContainSubstring("ACCESS_NAMESPACES=%s.", c.served), Not(ContainSubstring("kubectl apply"))), c.why)
		})
	}
}

// installBroker makes the Deployment of a broker of make deploy, which serves namespaces; all of them where there are none.
func installBroker(t *testing.T, namespaces string) {
	t.Helper()
	args := []string{"--leader-elect"}
	if namespaces != "" {
		args = append(args, "--namespace="+namespaces)
	}
	selector := map[string]string{"app": "broker"}
	broker := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "capi-inventory-broker"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: selector},
				Spec: corev1.PodSpec{Containers: []corev1.Container{
					{Name: "manager", Image: "broker", Args: args},
				}},
			},
		},
	}
	g := NewWithT(t)
	g.Expect(k8s.Create(t.Context(), broker)).To(Succeed())
	t.Cleanup(func() { g.Expect(k8s.Delete(context.Background(), broker)).To(Succeed()) })
}

// TestUndeploy: make undeploy deletes the CRDs, and so it refuses where other publishers have Inventories, before it withdraws anything.
func TestUndeploy(t *testing.T) {
	g := NewWithT(t)
	g.Expect(script(t, "undeploy")).To(And(ContainSubstring("go run ./cmd/publisher withdraw"), ContainSubstring("kubectl delete")))

	others := &v1alpha1.Inventory{
		ObjectMeta: metav1.ObjectMeta{Name: "others"}, Spec: v1alpha1.InventorySpec{PublisherClass: "blue"},
	}
	g.Expect(k8s.Create(t.Context(), others)).To(Succeed())
	t.Cleanup(func() { g.Expect(k8s.Delete(context.Background(), others)).To(Succeed()) })
	g.Expect(script(t, "undeploy")).To(And(
		ContainSubstring("which other publishers serve:\n  Inventory  others, publisherClass blue\n"),
		ContainSubstring("kubectl get clusterprofiles.multicluster.x-k8s.io,accessgrants -n\ncapi-inventory-system lists any"),
		Not(ContainSubstring("withdraw --")), Not(ContainSubstring("kubectl delete --"))))
	g.Expect(script(t, "undeploy", "FIRST=yes")).To(ContainSubstring("kubectl delete --"), "it is repeated after it has deleted the APIs")
}

// TestUndeployLeavesNoInventory: one that was made during the withdrawal is not deleted with its CRD either.
func TestUndeployLeavesNoInventory(t *testing.T) {
	g := NewWithT(t)
	late := &v1alpha1.Inventory{ObjectMeta: metav1.ObjectMeta{Name: "late"}}
	g.Expect(k8s.Create(t.Context(), late)).To(Succeed())
	t.Cleanup(func() { g.Expect(k8s.Delete(context.Background(), late)).To(Succeed()) })
	g.Expect(script(t, "undeploy")).To(And(
		ContainSubstring("go run ./cmd/publisher withdraw"), ContainSubstring("\n  Inventory  late, "),
		Not(ContainSubstring("kubectl delete --"))))
}

// script runs a script of .ci that reads the hub and changes nothing. It returns what the script prints, with the commands that it would
// run. With FIRST in its environment, the hub seems not to have the API of Inventories.
func script(t *testing.T, name string, env ...string) string {
	t.Helper()
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("SKIPPED: the script needs kubectl, and there is none")
	}
	commands := t.TempDir()
	for command, text := range map[string]string{
		"kubectl": "case \"${FIRST-} $*\" in yes*get\\ crd\\ inventories*) exit 0 ;; *\\ get\\ *) exec " + kubectl + " \"$@\" ;; esac\n" +
			"echo \"kubectl $*\" >&2\n",
		"go": "echo \"go $*\" >&2\n",
	} {
		if err := os.WriteFile(filepath.Join(commands, command), []byte("#!/bin/bash\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	run := exec.CommandContext(t.Context(), filepath.Join(root, ".ci", name))
	run.Env = append(os.Environ(), "PATH="+commands+":"+os.Getenv("PATH"), "KUBECONFIG="+kubeconfig(t),
		"REGISTRY=registry.example.com", "TAG=v1", "ACCESS_NAMESPACES=")
	run.Env = append(run.Env, env...)
	printed, err := run.CombinedOutput()
	if ended := (&exec.ExitError{}); err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return string(printed)
}
