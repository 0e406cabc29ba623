// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// installed is what the suite has installed, as the hub reports it.
func installed(t *testing.T) *product {
	t.Helper()
	image := deployment(NewWithT(t), "publisher").Spec.Template.Spec.Containers[0].Image
	tag, ours := strings.CutPrefix(image, registry+"/publisher:")
	if !ours {
		t.Fatalf("the publisher's image is %s and none of the suite's", image)
	}
	return &product{tag: tag}
}

func deployment(g Gomega, component string) *appsv1.Deployment {
	return read(g, client.ObjectKey{Namespace: systemNamespace, Name: "capi-inventory-" + component}, &appsv1.Deployment{})
}

// chart has Helm install or upgrade what the suite installs, with settings of a story's own.
func (p *product) chart(ctx context.Context, verb string, settings ...string) error {
	args := []string{verb, release, "charts/capi-inventory", "--values", "test/e2e/testdata/values.yaml",
		"--set", "image.registry=" + registry, "--set", "image.tag=" + p.tag, "--wait", "--timeout", "3m"}
	if verb == "upgrade" {
		args = append(args, "--install")
	}
	for _, setting := range settings {
		args = append(args, "--set", setting)
	}
	return p.helm(ctx, args...)
}

// putBack installs the chart again as the suite had, whatever a story has come to.
func (p *product) putBack(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		ctx := context.Background()
		if err := client.IgnoreAlreadyExists(k8s.Create(ctx, ourNamespace(systemNamespace))); err != nil {
			t.Error(err)
		}
		if err := p.chart(ctx, "upgrade"); err != nil {
			t.Error(err)
		}
	})
}

// uninstalled has Helm uninstall the chart, and returns what Helm says of it when it is done.
func (p *product) uninstalled(ctx context.Context, flags ...string) <-chan error {
	done := make(chan error, 1)
	go func() {
		err := p.helm(ctx, append([]string{"uninstall", release, "--wait", "--timeout", "3m"}, flags...)...)
		done <- errors.Join(err, freeLead(ctx))
	}()
	return done
}

// freeLead takes the lead from a publisher that has been uninstalled. It could not give it up by itself, as its rights went first,
// and the next one would wait 15 seconds.
func freeLead(ctx context.Context) error {
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: "publisher.capi-inventory.dev"}}
	return client.IgnoreNotFound(k8s.Delete(ctx, lease))
}

// publishedProfiles are all that publishers of ours have published on the hub.
func publishedProfiles(g Gomega) []inventoryv1alpha1.ClusterProfile {
	var profiles inventoryv1alpha1.ClusterProfileList
	g.Expect(k8s.List(context.Background(), &profiles, client.HasLabels{v1alpha1.LabelInventory})).To(Succeed())
	return profiles.Items
}

// letConsumerReadSecrets does what the chart does with consumer.readSecrets.enabled, for as long as the story lasts.
func letConsumerReadSecrets(t *testing.T) {
	t.Helper()
	if err := apply(t.Context(), []byte(built(t, "config/rbac/consumer-secrets"))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "capi-inventory-consumer-secrets"}}
		if err := removed(context.Background(), binding); err != nil {
			t.Error(err)
		}
	})
}

// built are the manifests of a folder of config/.
func built(t *testing.T, folder string) string {
	t.Helper()
	manifests, err := tool(t.Context(), nil, "kustomize", "build", folder)
	if err != nil {
		t.Fatal(err)
	}
	return manifests
}
