// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

const (
	release         = "capi-inventory"
	systemNamespace = "capi-inventory-system"
	registry        = "e2e.local/capi-inventory"
	// labelOurs is on every namespace that the suite makes.
	labelOurs = "e2e.capi-inventory.dev/ours"
)

// product is what the suite installs on the hub.
type product struct {
	tag string
}

func (p *product) images() []string {
	return []string{registry + "/publisher:" + p.tag, registry + "/consumer:" + p.tag, registry + "/broker:" + p.tag}
}

// install builds the images, loads them into the hub, and installs the chart.
func (p *product) install(ctx context.Context) error {
	// A tag that the hub has never seen: an image of an earlier run would be taken for this one's.
	p.tag = "e2e-" + strconv.FormatInt(time.Now().Unix(), 36)
	say("Building the images %s", strings.Join(p.images(), ", "))
	if _, err := run(ctx, nil, "make", "image", "REGISTRY="+registry, "TAG="+p.tag); err != nil {
		return err
	}
	say("Loading them into the hub")
	if _, err := tool(ctx, nil, "kind", append([]string{"load", "docker-image", "--name", hub.name}, p.images()...)...); err != nil {
		return err
	}
	for _, namespace := range []string{systemNamespace, fleetNamespace} {
		if err := k8s.Create(ctx, ourNamespace(namespace)); err != nil {
			return err
		}
	}
	say("Installing the chart into %s", systemNamespace)
	return p.chart(ctx, "install")
}

func (p *product) helm(ctx context.Context, args ...string) error {
	_, err := tool(ctx, nil, "helm", append(args, "--kubeconfig", hub.kubeconfig, "--namespace", systemNamespace)...)
	return err
}

func ourNamespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{labelOurs: "true"}}}
}

// removeRemains removes what an earlier run has kept or was not left the time to remove. What others have installed is
// theirs: then our profiles cannot be distinguished from theirs, and there is nothing for us to do here.
func (p *product) removeRemains(ctx context.Context) error {
	namespaces, err := ourNamespaces(ctx)
	if err != nil {
		return err
	}
	if len(namespaces) > 0 {
		say("Removing what an earlier run has left")
		return errors.Join(p.remove(ctx), removeRights(ctx))
	}
	err = k8s.Get(ctx, client.ObjectKey{Name: ourCRDs[0]}, &apiextensionsv1.CustomResourceDefinition{})
	if err == nil {
		return fmt.Errorf(
			"the hub has the CustomResourceDefinition %s: capi-inventory is installed there, and not by this suite",
			ourCRDs[0],
		)
	}
	return client.IgnoreNotFound(err)
}

// leave removes everything, and looks whether anything has stayed.
func (p *product) leave(ctx context.Context, before stock) error {
	if keep() {
		say("Everything stays: KUBECONFIG=%s", hub.kubeconfig)
		return nil
	}
	say("Removing everything")
	if err := p.remove(ctx); err != nil {
		return fmt.Errorf("removing what the suite has installed: %w", err)
	}
	after, err := takeStock(ctx)
	if err != nil {
		return err
	}
	return before.compare(after)
}

var ourCRDs = []string{"inventories.capi-inventory.dev", "accessgrants.capi-inventory.dev", "spokechecks.capi-inventory.dev"}

// remove goes on where a step fails, so that as little as possible stays.
func (p *product) remove(ctx context.Context) error {
	return errors.Join(
		p.removeClusters(ctx),
		p.removeInventories(ctx),
		p.uninstall(ctx),
		p.removeCRDs(ctx),
		p.removeNamespaces(ctx),
		p.removeImages(ctx),
	)
}

func (p *product) removeClusters(ctx context.Context) error {
	namespaces, err := ourNamespaces(ctx)
	if err != nil {
		return err
	}
	for _, namespace := range namespaces {
		if err := k8s.DeleteAllOf(ctx, &clusterv1.Cluster{}, client.InNamespace(namespace.Name)); err != nil {
			return err
		}
	}
	return until(ctx, 3*time.Minute, "the Clusters to be gone", func(ctx context.Context) (bool, error) {
		for _, namespace := range namespaces {
			var clusters clusterv1.ClusterList
			if err := k8s.List(ctx, &clusters, client.InNamespace(namespace.Name)); err != nil || len(clusters.Items) > 0 {
				return false, err
			}
		}
		return true, nil
	})
}

// removeInventories lets the publisher withdraw its profiles. Where it does not, that is an error, and the finalizers go by
// force: the CustomResourceDefinition could not be deleted otherwise.
func (p *product) removeInventories(ctx context.Context) error {
	var inventories v1alpha1.InventoryList
	if err := k8s.List(ctx, &inventories); err != nil {
		return ignoreNoKind(err)
	}
	if err := k8s.DeleteAllOf(ctx, &v1alpha1.Inventory{}); err != nil {
		return err
	}
	err := until(ctx, time.Minute, "the publisher to withdraw its profiles", func(ctx context.Context) (bool, error) {
		err := k8s.List(ctx, &inventories)
		return len(inventories.Items) == 0, err
	})
	for i := range inventories.Items {
		release := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
		err = errors.Join(err, client.IgnoreNotFound(k8s.Patch(ctx, &inventories.Items[i], release)))
	}
	return err
}

func (p *product) uninstall(ctx context.Context) error {
	return p.helm(ctx, "uninstall", release, "--ignore-not-found", "--wait", "--timeout", "2m")
}

// removeRights removes what stays where Helm's record of a release is lost, or a story with kustomize was interrupted.
func removeRights(ctx context.Context) error {
	ours := client.MatchingLabels{"app.kubernetes.io/part-of": release}
	return errors.Join(k8s.DeleteAllOf(ctx, &rbacv1.ClusterRoleBinding{}, ours), k8s.DeleteAllOf(ctx, &rbacv1.ClusterRole{}, ours))
}

// removeCRDs removes what Helm leaves. The ClusterProfile API goes only if our release has brought it.
func (p *product) removeCRDs(ctx context.Context) error {
	names := ourCRDs
	profiles := &apiextensionsv1.CustomResourceDefinition{}
	if err := k8s.Get(ctx, client.ObjectKey{Name: "clusterprofiles.multicluster.x-k8s.io"}, profiles); client.IgnoreNotFound(err) != nil {
		return err
	}
	if profiles.Annotations["meta.helm.sh/release-namespace"] == systemNamespace {
		names = append([]string{profiles.Name}, names...)
	}
	for _, name := range names {
		crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if err := removed(ctx, crd); err != nil {
			return err
		}
	}
	return nil
}

func (p *product) removeNamespaces(ctx context.Context) error {
	namespaces, err := ourNamespaces(ctx)
	if err != nil {
		return err
	}
	for i := range namespaces {
		err = errors.Join(err, removed(ctx, &namespaces[i]))
	}
	return err
}

// removeImages removes the images from the hub's nodes and from the engine: the next run builds its own. Without a tag it is
// those of every run that the nodes have.
func (p *product) removeImages(ctx context.Context) error {
	var nodes corev1.NodeList
	if err := k8s.List(ctx, &nodes); err != nil {
		return err
	}
	var all []string
	for i := range nodes.Items {
		node := nodes.Items[i].Name
		listed, err := run(
			ctx,
			nil,
			"docker",
			"exec",
			node,
			"ctr",
			"--namespace",
			"k8s.io",
			"images",
			"ls",
			"-q",
			"name~=^"+registry+"/.*:"+p.tag,
		)
		if err != nil {
			return err
		}
		images := strings.Fields(listed)
		if len(images) == 0 {
			continue
		}
		if _, err := run(ctx, nil, "docker", append([]string{"exec", node, "crictl", "rmi"}, images...)...); err != nil {
			return err
		}
		all = append(all, images...)
	}
	if p.tag != "" {
		all = append(all, p.images()...)
	}
	if len(all) == 0 {
		return nil
	}
	// By force: whether they are there or not.
	_, err := run(ctx, nil, "docker", append([]string{"rmi", "--force"}, all...)...)
	return err
}

func ourNamespaces(ctx context.Context) ([]corev1.Namespace, error) {
	var namespaces corev1.NamespaceList
	err := k8s.List(ctx, &namespaces, client.MatchingLabels{labelOurs: "true"})
	return namespaces.Items, err
}

// removed deletes an object and waits until it is gone.
func removed(ctx context.Context, object client.Object) error {
	if err := k8s.Delete(ctx, object); err != nil {
		return client.IgnoreNotFound(err)
	}
	what := fmt.Sprintf("%T %s to be gone", object, client.ObjectKeyFromObject(object))
	return until(ctx, 3*time.Minute, what, func(ctx context.Context) (bool, error) {
		err := k8s.Get(ctx, client.ObjectKeyFromObject(object), object)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
}

// until waits where there is no test for Gomega to fail.
func until(ctx context.Context, limit time.Duration, what string, done wait.ConditionWithContextFunc) error {
	if err := wait.PollUntilContextTimeout(ctx, 500*time.Millisecond, limit, true, done); err != nil {
		return fmt.Errorf("waiting for %s: %w", what, err)
	}
	return nil
}

// ignoreNoKind: what is not installed need not be removed.
func ignoreNoKind(err error) error {
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
