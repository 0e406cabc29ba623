// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package chart_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// rendering is what values should lead to.
type rendering struct {
	why    string
	values string
	// options are those of helm template.
	options []string
	// has and hasNot are objects, as Kind/name or Kind/namespace/name.
	has, hasNot []string
	// says and saysNot are pieces of what is rendered, after its YAML was normalised.
	says, saysNot []string
}

// check renders the chart, and asks the API server about each object.
func (c rendering) check(t *testing.T) {
	found := map[string]bool{}
	var all strings.Builder
	for _, object := range render(t, c.values, c.options...) {
		if found[id(object)] {
			t.Errorf("%s is rendered twice", id(object))
		}
		found[id(object)] = true
		accept(t, object)
		text, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	check := func(what []string, want bool, has func(string) bool) {
		for _, one := range what {
			if has(one) != want {
				t.Errorf("%s: rendered: %t, want %t: %s", one, !want, want, c.why)
			}
		}
	}
	check(c.has, true, func(object string) bool { return found[object] })
	check(c.hasNot, false, func(object string) bool { return found[object] })
	check(c.says, true, func(piece string) bool { return strings.Contains(all.String(), piece) })
	check(c.saysNot, false, func(piece string) bool { return strings.Contains(all.String(), piece) })
}

// accept asks the API server whether it would take the object, strictly, and the pods that come of it.
func accept(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	if object.GroupVersionKind().Group == "monitoring.coreos.com" {
		// Its CRDs are another project's; TestQueries looks at what matters in them.
		return
	}
	options := []client.ApplyOption{client.DryRunAll, client.FieldOwner("test"), client.ForceOwnership}
	if err := strict().Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object.DeepCopy()), options...); err != nil {
		t.Errorf("%s: %v", id(object), err)
	}
	var template corev1.PodTemplateSpec
	switch object.GetKind() {
	case "Deployment":
		template = as[appsv1.Deployment](t, object).Spec.Template
	case "Job":
		template = as[batchv1.Job](t, object).Spec.Template
	}
	if len(template.Spec.Containers) > 0 {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "try-", Namespace: namespace, Labels: template.Labels},
			Spec:       template.Spec,
		}
		if err := k8s.Create(t.Context(), pod, client.DryRunAll); err != nil {
			t.Errorf("a pod of %s: %v", id(object), err)
		}
		if pod.Spec.Containers[0].Name != "manager" {
			t.Errorf("the container of %s is named %s, but Cluster API's tools look for manager", id(object), pod.Spec.Containers[0].Name)
		}
	}
}

// strict refuses fields that the API server does not know.
func strict() client.Client { return client.WithFieldValidation(k8s, metav1.FieldValidationStrict) }
