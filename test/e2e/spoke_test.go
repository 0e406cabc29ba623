// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"text/template"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// spoke is a workload cluster of the suite's own, in a namespace of its own.
type spoke struct {
	Namespace, Name string
	Replicas        int
	Version         string
	// Docker is a real control plane in containers; otherwise Cluster API's in-memory backend plays one.
	Docker bool
	Image  string
	// change, if set, changes the objects before they are made.
	change func(*unstructured.Unstructured) error
}

//go:embed testdata/cluster.yaml
var clusterManifest string

var clusterTemplate = template.Must(template.New("cluster.yaml").Parse(clusterManifest))

// docker is a spoke with a real kubelet and a real API server, behind a load balancer. It takes a minute or two.
func docker(story string) *spoke {
	s := inMemory(story)
	s.Docker, s.Image, s.Version = true, nodeImage(), hub.kubernetes
	return s
}

// inMemory is a spoke that costs next to nothing. Its API server lets everybody in, and has neither /version nor /readyz.
func inMemory(story string) *spoke {
	// Containers are named after the Cluster alone, and an engine may serve several hubs.
	name := story + "-" + rand.String(5)
	return &spoke{Namespace: "e2e-" + name, Name: name, Replicas: 1, Version: "v1.36.2"}
}

func (s *spoke) String() string { return s.Namespace + "/" + s.Name }

func (s *spoke) key() client.ObjectKey { return client.ObjectKey{Namespace: s.Namespace, Name: s.Name} }

// dockerSlots is how many control planes in containers a machine has to hold at a time. Linux gives root 128 instances of
// inotify unless configured otherwise (fs.inotify.max_user_instances), and a node takes up to 28, the hub's as well.
var dockerSlots = make(chan struct{}, 3)

// onDocker are the spokes that are there now, those in memory left out.
var onDocker sync.Map

// removals are of spokes whose stories have ended: the next ones need not wait for them.
var removals struct {
	sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

// retire has the spoke removed while something else goes on.
func (s *spoke) retire() {
	removals.Go(func() {
		if err := s.remove(context.Background()); err != nil {
			removals.mu.Lock()
			defer removals.mu.Unlock()
			removals.errs = append(removals.errs, fmt.Errorf("removing the Cluster %s: %w", s, err))
		}
	})
}

// awaitRemovals waits until the spokes of all stories that have ended are gone.
func awaitRemovals() error {
	removals.Wait()
	return errors.Join(removals.errs...)
}

// newSpoke makes a spoke for one story, and removes it in the end.
func newSpoke(t *testing.T, s *spoke) *spoke {
	t.Helper()
	step(t, "Making the Cluster %s", s)
	t.Cleanup(func() {
		if !keep() {
			s.retire()
		}
	})
	saveArtifactsOnFailure(t)
	if err := s.make(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// make creates the objects of the spoke. Cluster API's webhooks may refuse them for a while after their start.
func (s *spoke) make(ctx context.Context) error {
	if s.Docker {
		dockerSlots <- struct{}{}
		onDocker.Store(s, true)
	}
	if err := client.IgnoreAlreadyExists(k8s.Create(ctx, ourNamespace(s.Namespace))); err != nil {
		return err
	}
	var manifests bytes.Buffer
	if err := clusterTemplate.Execute(&manifests, s); err != nil {
		return err
	}
	var refusal error
	err := until(ctx, 2*time.Minute, fmt.Sprintf("the hub to accept the Cluster %s", s), func(ctx context.Context) (bool, error) {
		refusal = applyChanged(ctx, manifests.Bytes(), s.change)
		return refusal == nil, nil
	})
	return errors.Join(err, refusal)
}

func apply(ctx context.Context, manifests []byte) error { return applyChanged(ctx, manifests, nil) }

// applyChanged applies objects after a change, if there is one.
func applyChanged(ctx context.Context, manifests []byte, change func(*unstructured.Unstructured) error) error {
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096); ; {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if change != nil {
			if err := change(object); err != nil {
				return err
			}
		}
		if err := k8s.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("e2e")); err != nil {
			return fmt.Errorf("applying the %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
}

// remove deletes the Cluster, and its namespace when it is gone: Cluster API needs the rest of it until then.
func (s *spoke) remove(ctx context.Context) error {
	if s.Docker {
		defer func() { <-dockerSlots }()
		onDocker.Delete(s)
	}
	if err := removed(ctx, &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name}}); err != nil {
		return err
	}
	if err := removed(ctx, ourNamespace(s.Namespace)); err != nil {
		return err
	}
	if !s.Docker {
		return nil
	}
	containers, err := run(ctx, nil, "docker", "ps", "-aq", "--filter", "label=io.x-k8s.kind.cluster="+s.Name)
	if err == nil && containers != "" {
		err = fmt.Errorf("the Cluster %s is gone and its containers are not: %s", s, containers)
	}
	return err
}

// waitAvailable waits until Cluster API calls the Cluster available.
func (s *spoke) waitAvailable(t *testing.T) {
	t.Helper()
	step(t, "Waiting until Cluster API calls %s available", s)
	if err := s.available(t.Context()); err != nil {
		t.Fatal(err)
	}
	step(t, "%s is available", s)
}

func (s *spoke) available(ctx context.Context) error {
	cluster := &clusterv1.Cluster{}
	err := until(ctx, provisioning, fmt.Sprintf("the Cluster %s to be available", s), func(ctx context.Context) (bool, error) {
		err := k8s.Get(ctx, s.key(), cluster)
		return meta.IsStatusConditionTrue(cluster.Status.Conditions, clusterv1.AvailableCondition), err
	})
	if err != nil {
		var conditions []string
		for _, condition := range cluster.Status.Conditions {
			if condition.Status != metav1.ConditionTrue {
				conditions = append(conditions, fmt.Sprintf("%s=%s: %s", condition.Type, condition.Status, condition.Message))
			}
		}
		return fmt.Errorf("%w; it says %q", err, conditions)
	}
	return nil
}

// client sees the spoke with the credentials of its administrator.
func (s *spoke) client(ctx context.Context) (client.Client, error) {
	config, err := s.config(ctx)
	if err != nil {
		return nil, err
	}
	return client.New(config, client.Options{Scheme: newScheme()})
}

// config is the administrator's own way into the spoke, by the Secret that Cluster API keeps.
func (s *spoke) config(ctx context.Context) (*rest.Config, error) {
	kubeconfig := &corev1.Secret{}
	if err := k8s.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: s.Name + "-kubeconfig"}, kubeconfig); err != nil {
		return nil, err
	}
	return clientcmd.RESTConfigFromKubeConfig(kubeconfig.Data["value"])
}

// sharing is a spoke on Docker that is made while something else goes on.
type sharing struct {
	spoke *spoke
	stop  context.CancelFunc
	done  chan struct{}
	err   error
}

func share(ctx context.Context) *sharing {
	ctx, stop := context.WithCancel(ctx)
	s := &sharing{spoke: docker("shared"), stop: stop, done: make(chan struct{})}
	say("Making the shared Cluster %s meanwhile", s.spoke)
	go func() {
		defer close(s.done)
		if s.err = s.spoke.make(ctx); s.err == nil {
			s.err = s.spoke.available(ctx)
		}
		if s.err == nil {
			say("The shared Cluster %s is available", s.spoke)
		}
	}()
	return s
}

// leave has the spoke removed, made or not.
func (s *sharing) leave() {
	s.stop()
	<-s.done
	if !keep() {
		s.spoke.retire()
	}
}

// sharedSpoke is the one that every story may read and none may disturb.
func sharedSpoke(t *testing.T) *spoke {
	t.Helper()
	saveArtifactsOnFailure(t)
	step(t, "Waiting for the shared Cluster %s", shared.spoke)
	<-shared.done
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.spoke
}

// saved keeps a story of several spokes from saving the hub several times.
var saved sync.Map

func saveArtifactsOnFailure(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if _, already := saved.LoadOrStore(t.Name(), true); already || !t.Failed() {
			return
		}
		if err := saveArtifacts(context.Background(), t.Name()); err != nil {
			t.Errorf("saving artifacts: %v", err)
		}
	})
}
