// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// saveArtifacts writes what a person needs to understand a failure: of the hub and of every spoke on Docker, logs, Events, and
// objects. Never Secrets. What plays the spokes in memory is in the logs of the hub.
func saveArtifacts(ctx context.Context, story string) error {
	folder := filepath.Join(artifacts(), story)
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	say("Saving logs, objects and Events into %s", folder)
	all := saveCluster(ctx, hub.config, filepath.Join(folder, "hub"))
	onDocker.Range(func(made, _ any) bool {
		spoke := made.(*spoke)
		config, err := spoke.config(ctx)
		if err == nil {
			config.Timeout = 5 * time.Second
			err = saveCluster(ctx, config, filepath.Join(folder, spoke.Name))
		}
		if err != nil {
			// A spoke that cannot be reached is a finding, and no reason to lose the rest.
			say("%s: %v", spoke, err)
		}
		return true
	})
	return all
}

// worthSaving are the API groups whose objects are saved, all of them; of the core group some.
func worthSaving(group, resource string) bool {
	if group == "" {
		return slices.Contains([]string{"events", "namespaces", "nodes", "pods", "services"}, resource)
	}
	return group == "apps" || group == "capi-inventory.dev" || group == "coordination.k8s.io" || group == "multicluster.x-k8s.io" ||
		group == "cluster.x-k8s.io" || strings.HasSuffix(group, ".cluster.x-k8s.io")
}

func saveCluster(ctx context.Context, config *rest.Config, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	asking, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	reading, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	lists, err := asking.ServerPreferredResources()
	if err != nil {
		return err
	}
	var all error
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return err
		}
		for _, resource := range list.APIResources {
			if slices.Contains(resource.Verbs, "list") && worthSaving(version.Group, resource.Name) {
				all = errors.Join(all, saveObjects(ctx, reading, version.WithResource(resource.Name), folder))
			}
		}
	}
	return errors.Join(all, saveLogs(ctx, config, folder))
}

func saveObjects(ctx context.Context, reading dynamic.Interface, resource schema.GroupVersionResource, folder string) error {
	list, err := reading.Resource(resource).List(ctx, metav1.ListOptions{})
	if err != nil || len(list.Items) == 0 {
		return err
	}
	for i := range list.Items {
		list.Items[i].SetManagedFields(nil)
		redact(list.Items[i].Object)
	}
	raw, err := yaml.Marshal(list)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, resource.GroupResource().String()+".yaml"), raw, 0o600)
}

// redact takes the bootstrap tokens out of kubeadm's configuration.
func redact(value any) {
	switch value := value.(type) {
	case map[string]any:
		if _, isString := value["token"].(string); isString {
			value["token"] = "(redacted)"
		}
		for _, inner := range value {
			redact(inner)
		}
	case []any:
		for _, inner := range value {
			redact(inner)
		}
	}
}

// saveLogs saves what every container says, and what it said before it was restarted.
func saveLogs(ctx context.Context, config *rest.Config, folder string) error {
	pods, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	list, err := pods.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range list.Items {
		pod := &list.Items[i]
		for _, status := range pod.Status.ContainerStatuses {
			for _, previous := range []bool{false, true}[:1+min(1, int(status.RestartCount))] {
				options := &corev1.PodLogOptions{Container: status.Name, Previous: previous}
				log, err := pods.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, options).DoRaw(ctx)
				if err != nil {
					log = append(log, err.Error()...)
				}
				file := fmt.Sprintf("%s_%s_%s.log", pod.Namespace, pod.Name, status.Name)
				if previous {
					file = "previous_" + file
				}
				if err := os.WriteFile(filepath.Join(folder, file), log, 0o600); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
