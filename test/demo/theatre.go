// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/fixture"
)

// theatre is all that the demo has started.
type theatre struct {
	dir        string
	kubeconfig string
	hub        *apiserver.Server
	client     client.Client
	spokes     map[string]*spoke
	programs   *programs
}

// spoke is a workload cluster: a control plane behind a load balancer, and the credentials of its administrator.
type spoke struct {
	*apiserver.Server
	balancer *apiserver.Forwarder
	admin    *rest.Config
}

// open starts everything up to the first Cluster. What was started before an error is in the theatre too, to be closed.
func open(ctx context.Context) (*theatre, error) {
	dir, err := os.MkdirTemp("", "capi-inventory-demo-")
	if err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	t := &theatre{dir: dir, kubeconfig: filepath.Join(dir, "hub.kubeconfig"), spokes: map[string]*spoke{}, programs: &programs{dir: dir}}
	if err := t.startServers(); err != nil {
		return t, err
	}
	if err := ctx.Err(); err != nil {
		return t, err
	}
	if err := os.WriteFile(t.kubeconfig, fixture.Kubeconfig("hub", t.hub.Config(), ""), 0o600); err != nil {
		return t, fmt.Errorf("writing the hub's kubeconfig: %w", err)
	}
	if t.client, err = client.New(t.hub.Config(), client.Options{Scheme: newScheme()}); err != nil {
		return t, fmt.Errorf("connecting to the hub: %w", err)
	}
	for _, namespace := range []string{"team-a", "team-b", "argocd"} {
		if err := t.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
			return t, fmt.Errorf("making the namespace %s: %w", namespace, err)
		}
	}
	return t, t.startPrograms(ctx)
}

// startServers starts the hub and the spokes side by side.
func (t *theatre) startServers() error {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		faults []error
	)
	start := func(begin func() error) {
		wg.Go(func() {
			if err := begin(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				faults = append(faults, err)
			}
		})
	}
	start(func() (err error) { t.hub, err = apiserver.StartHub(); return err })
	for _, name := range []string{"london", "paris"} {
		start(func() error {
			s, err := newSpoke()
			mu.Lock()
			defer mu.Unlock()
			if s != nil {
				t.spokes[name] = s
			}
			return err
		})
	}
	wg.Wait()
	return errors.Join(faults...)
}

func newSpoke() (*spoke, error) {
	server, err := apiserver.Start()
	if err != nil {
		return nil, err
	}
	s := &spoke{Server: server}
	if s.balancer, err = server.Forward(); err != nil {
		return s, err
	}
	s.admin, err = server.As("kubernetes-admin", "system:masters")
	return s, err
}

// startPrograms runs the publisher and the consumer, each as a user of its own with the roles of config/rbac.
func (t *theatre) startPrograms(ctx context.Context) error {
	providers, err := json.Marshal(map[string]any{"providers": []any{map[string]any{
		"name": v1alpha1.ProviderKubeconfigSecret,
		"execConfig": map[string]any{
			"apiVersion":         "client.authentication.k8s.io/v1",
			"command":            "bin/kubeconfig-secretreader",
			"provideClusterInfo": true,
		},
	}}})
	if err != nil {
		return fmt.Errorf("encoding the provider file: %w", err)
	}
	if err := os.WriteFile(t.providers(), providers, 0o600); err != nil {
		return fmt.Errorf("writing the provider file: %w", err)
	}
	if err := t.employ(ctx, "publisher", "config/rbac/publisher/role.yaml"); err != nil {
		return err
	}
	if err := t.employ(ctx, "consumer", "config/rbac/consumer/role.yaml", rbacv1.PolicyRule{
		// What the plugin needs, and the reader of a profile decides to grant.
		APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"},
	}); err != nil {
		return err
	}
	if err := t.programs.start("publisher", "--kubeconfig", t.userKubeconfig("publisher"),
		"--leader-elect=false", "--diagnostics-address=0", "--health-addr=0"); err != nil {
		return err
	}
	return t.programs.start("consumer", "--kubeconfig", t.userKubeconfig("consumer"), "--clusterprofile-provider-file", t.providers(),
		"--interval", "2s", "--timeout", "2s", "--allow-local-servers", "--leader-elect=false",
		"--reference-namespaces", "team-a,team-b", // for the profiles in the namespace argocd
		"--diagnostics-address", "0", "--health-addr", "0")
}

// employ makes a user with the rights of a role file, and of further rules, and writes its kubeconfig.
func (t *theatre) employ(ctx context.Context, name, roleFile string, further ...rbacv1.PolicyRule) error {
	config, err := t.hub.As(name)
	if err != nil {
		return err
	}
	if err := os.WriteFile(t.userKubeconfig(name), fixture.Kubeconfig("hub", config, ""), 0o600); err != nil {
		return fmt.Errorf("writing the kubeconfig of the %s: %w", name, err)
	}
	raw, err := os.ReadFile(roleFile)
	if err != nil {
		return fmt.Errorf("reading the role of the %s: %w", name, err)
	}
	role := &rbacv1.ClusterRole{}
	if err := yaml.Unmarshal(raw, role); err != nil {
		return fmt.Errorf("reading the role of the %s: %w", name, err)
	}
	role.Rules = append(role.Rules, further...)
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
	}
	for _, object := range []client.Object{role, binding} {
		if err := t.client.Create(ctx, object); err != nil {
			return fmt.Errorf("granting the %s its role: %w", name, err)
		}
	}
	return nil
}

// providers is the provider file.
func (t *theatre) providers() string { return filepath.Join(t.dir, "providers.json") }

func (t *theatre) userKubeconfig(user string) string { return filepath.Join(t.dir, user+".kubeconfig") }

// close ends every process and removes every file.
func (t *theatre) close() error {
	faults := []error{t.programs.stop()}
	for _, s := range t.spokes {
		if s.balancer != nil {
			faults = append(faults, s.balancer.Close())
		}
		faults = append(faults, s.Stop())
	}
	if t.hub != nil {
		faults = append(faults, t.hub.Stop())
	}
	return errors.Join(append(faults, os.RemoveAll(t.dir))...)
}

func newScheme() *runtime.Scheme {
	return hub.NewScheme(clientgoscheme.AddToScheme, clusterv1.AddToScheme)
}
