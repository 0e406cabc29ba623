// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Chart and kustomize make the same pods, once the hub has filled in what they leave out, but for what is taken away here.
func TestChartAndKustomizeMakeTheSamePods(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	rendered, err := tool(
		t.Context(),
		nil,
		"helm",
		"template",
		release,
		"charts/capi-inventory",
		"--namespace",
		systemNamespace,
		"--set",
		"image.tag=v1",
	)
	g.Expect(err).NotTo(HaveOccurred())
	namespace := newNamespace(t, "pods")
	charts := deployments(t, namespace, rendered)
	kustomizes := deployments(t, namespace, strings.ReplaceAll(built(t, "config/default"), ":latest", ":v1"))
	g.Expect(charts).To(HaveLen(2))
	for name, want := range kustomizes {
		g.Expect(charts).To(HaveKey(name))
		got := charts[name]
		got.Labels, want.Labels = nil, nil
		got.Spec.TopologySpreadConstraints = nil
		// A changed provider file restarts the consumer: the chart adds its sum to the pods, kustomize to its name.
		delete(got.Annotations, "capi-inventory.dev/providers")
		for _, volumes := range [][]corev1.Volume{got.Spec.Volumes, want.Spec.Volumes} {
			for i := range volumes {
				if volumes[i].ConfigMap != nil {
					volumes[i].ConfigMap.Name = ""
				}
			}
		}
		container := &got.Spec.Containers[0]
		// Of the settings, the chart writes down the defaults too.
		container.Args = slices.DeleteFunc(container.Args, func(arg string) bool { return slices.Contains(defaults, arg) })
		// The image has this PATH; with plugins from elsewhere, the chart's is longer.
		container.Env = slices.DeleteFunc(
			container.Env,
			func(env corev1.EnvVar) bool { return env.Name == "PATH" && env.Value == "/plugins" },
		)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("pods of %s, -kustomize +chart:\n%s", name, diff)
		}
	}
}

// defaults are those of both programs.
var defaults = []string{
	"--cluster-manager-name=cluster-api", "--concurrency=10",
	"--name=capi-inventory-consumer", "--interval=30s", "--heartbeat=5m", "--timeout=5s", "--concurrency=16",
	"--zap-log-level=info",
}

// deployments are the pod templates of the Deployments among manifests, as the hub would store them in a namespace.
func deployments(t *testing.T, namespace, manifests string) map[string]corev1.PodTemplateSpec {
	t.Helper()
	found := map[string]corev1.PodTemplateSpec{}
	for decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifests), 4096); ; {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		if object.GetKind() != "Deployment" {
			continue
		}
		object.SetNamespace(namespace)
		if err := k8s.Create(t.Context(), object, client.DryRunAll, client.FieldValidation("Strict")); err != nil {
			t.Fatal(err)
		}
		var stored appsv1.Deployment
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &stored); err != nil {
			t.Fatal(err)
		}
		found[stored.Name] = stored.Spec.Template
	}
}
