// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package chart_test renders the Helm chart with every combination of values that matters, and asks a real API server what it
// thinks of the result.
package chart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	clusterhub "github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

const (
	root      = "../.."
	chart     = root + "/charts/capi-inventory"
	namespace = "capi-inventory-system"
)

var (
	helm string
	hub  *apiserver.Server
	k8s  client.Client
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	SetDefaultEventuallyTimeout(20 * time.Second)
	apiserver.RunOnHub(m, func(started *apiserver.Server) error {
		hub = started
		return errors.Join(findHelm(), populate(context.Background()))
	})
}

// findHelm finds the pinned tool itself: by way of the go command, each rendering would take a second more.
func findHelm() error {
	find := exec.Command("go", "tool", "-modfile=go.tools.mod", "-n", "helm")
	find.Dir, find.Stderr = root, os.Stderr
	path, err := find.Output()
	if err != nil {
		return fmt.Errorf("building helm: %w", err)
	}
	helm = strings.TrimSpace(string(path))
	return nil
}

// populate makes the namespaces of a hub, and a PriorityClass. Pods that are not restricted are refused there, and so the chart's would be.
func populate(ctx context.Context) (err error) {
	if k8s, err = client.New(hub.Config(), client.Options{Scheme: newScheme()}); err != nil {
		return err
	}
	for _, name := range []string{namespace, "team-a", "team-b", "argocd", "monitoring", "123"} {
		space := &corev1.Namespace{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}},
		}
		if err := k8s.Create(ctx, space); err != nil {
			return err
		}
	}
	// A name that YAML takes for a number.
	return k8s.Create(ctx, &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "123"}, Value: 1})
}

func newScheme() *runtime.Scheme {
	return clusterhub.NewScheme(clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, clusterv1.AddToScheme)
}

// template renders the chart with values in YAML, and with more options of helm template.
func template(t *testing.T, values string, options ...string) ([]*unstructured.Unstructured, error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	arguments := append([]string{"template", "capi-inventory", chart, "--namespace", namespace, "--values", "-"}, options...)
	command := exec.CommandContext(t.Context(), helm, arguments...)
	// Nothing of the user's own configuration of Helm.
	home := t.TempDir()
	command.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(values), &stdout, &stderr
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, stderr.String())
	}
	return decode(stdout.Bytes())
}

// render renders the chart without a hub; onHub are the options with which the hub is asked.
func render(t *testing.T, values string, options ...string) []*unstructured.Unstructured {
	t.Helper()
	objects, err := template(t, values, options...)
	if err != nil {
		t.Fatalf("rendering the chart with\n%s\n%v", values, err)
	}
	return objects
}

// onHub are the options of Helm by which templates look things up on the hub, as they do when a release is installed.
func onHub(t *testing.T) []string {
	t.Helper()
	return []string{"--dry-run=server", "--kubeconfig", kubeconfig(t)}
}

// kubeconfig returns the path of a kubeconfig of the hub.
func kubeconfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, fixture.Kubeconfig("hub", hub.Config(), ""), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// kustomize builds a folder of the repository.
func kustomize(t *testing.T, folder string) []byte {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, folder))
	if err != nil {
		t.Fatal(err)
	}
	manifests, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return manifests
}

func decode(manifests []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096); ; {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, err
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

// read decodes manifests of config/, as typed objects of one kind.
func read[T any](t *testing.T, path string) T {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	var object T
	if err := yaml.Unmarshal(raw, &object); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return object
}

// as converts a rendered object to its type.
func as[T any](t *testing.T, object *unstructured.Unstructured) T {
	t.Helper()
	var typed T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &typed, true); err != nil {
		t.Fatalf("%s: %v", id(object), err)
	}
	return typed
}

func id(object *unstructured.Unstructured) string {
	if object.GetNamespace() == "" || object.GetNamespace() == namespace {
		return object.GetKind() + "/" + object.GetName()
	}
	return object.GetKind() + "/" + object.GetNamespace() + "/" + object.GetName()
}
