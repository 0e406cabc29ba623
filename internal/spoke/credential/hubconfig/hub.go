// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package hubconfig makes credential plugins use the same hub as the program, as the same user.
//
// Upstream's plugins do not find the hub as kubectl does: they use the cluster of the pod they run in, else the one file in
// KUBECONFIG. They do not use ~/.kube/config, lists of files, or flags. So a plugin could read Secrets of another cluster, or as
// another user, than the program used to read the profile. This package compares what a plugin would find with what the program
// found; if the two differ, it writes a kubeconfig for the plugin:
//
//	the program's hub                     | the plugin gets
//	the cluster of the pod                | the variables of the pod
//	that of one kubeconfig file           | KUBECONFIG with that file, and no variables of a pod
//	anything else: lists, contexts, flags | KUBECONFIG with a temporary file, and no variables of a pod
package hubconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Hub is how plugins find the hub. It is safe for concurrent use.
type Hub struct {
	// File is the kubeconfig file that by itself has the same hub and user; empty if there is none.
	File string
	// InCluster is set if the hub is the cluster of the pod, and the user the pod's ServiceAccount.
	InCluster bool
	// Namespace is the one that a plugin uses by default.
	Namespace string
	// Files are the kubeconfig files that exist.
	Files []string

	// content is the content of the temporary file.
	content *clientcmdapi.Config
	mu      sync.Mutex
	dir     string
	closed  bool
}

// Find finds out how plugins reach the hub of a client configuration, in the context if it is not the current one.
func Find(loader clientcmd.ClientConfig, context string) (*Hub, error) {
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the hub: %w", err)
	}
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the hub: %w", err)
	}
	if context == "" {
		context = raw.CurrentContext
	}
	h := &Hub{}
	if chosen := raw.Contexts[context]; chosen != nil {
		h.Namespace = chosen.Namespace
	}
	if h.content, err = kubeconfigOf(config, h.Namespace); err != nil {
		return nil, fmt.Errorf("finding the hub: %w", err)
	}
	if h.Files, err = existing(loader.ConfigAccess()); err != nil {
		return nil, fmt.Errorf("finding the hub's kubeconfig: %w", err)
	}
	h.InCluster = h.matches(rest.InClusterConfig())
	for _, file := range h.Files {
		if h.File == "" && !h.InCluster && h.matchesFile(file) {
			h.File = file
		}
	}
	if h.Namespace == "" {
		h.Namespace, err = h.defaultNamespace()
	}
	return h, err
}

// existing returns the kubeconfig files that exist, of those that a client configuration is read from.
func existing(access clientcmd.ConfigAccess) ([]string, error) {
	candidates := access.GetLoadingPrecedence()
	if access.IsExplicitFile() {
		candidates = []string{access.GetExplicitFile()}
	}
	var files []string
	for _, candidate := range candidates {
		if _, err := os.Stat(candidate); err != nil {
			continue
		}
		file, err := filepath.Abs(candidate)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// matches reports whether a configuration has the same hub and user, without a namespace.
func (h *Hub) matches(config *rest.Config, err error) bool {
	if err != nil {
		return false
	}
	other, err := kubeconfigOf(config, "")
	return err == nil && equality.Semantic.DeepEqual(h.content, other)
}

// matchesFile reports whether a file, read as a plugin reads it, has the same hub, user and namespace.
func (h *Hub) matchesFile(file string) bool {
	raw, err := (&clientcmd.ClientConfigLoadingRules{ExplicitPath: file}).Load()
	if err != nil {
		return false
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(*raw, "", &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return false
	}
	namespace := ""
	if current := raw.Contexts[raw.CurrentContext]; current != nil {
		namespace = current.Namespace
	}
	other, err := kubeconfigOf(config, namespace)
	return err == nil && equality.Semantic.DeepEqual(h.content, other)
}

// defaultNamespace returns the namespace of a plugin that finds none in a kubeconfig: that of its pod, if it gets the pod's variables.
func (h *Hub) defaultNamespace() (string, error) {
	if !h.InCluster {
		return "default", nil
	}
	namespace, _, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{},
		&clientcmd.ConfigOverrides{},
	).Namespace()
	if err != nil {
		return "", fmt.Errorf("finding the namespace of the pod: %w", err)
	}
	return namespace, nil
}

// Environment returns the variables by which a plugin finds the hub. It must be called before each run: a temporary file that was
// removed in the meantime is written again.
func (h *Hub) Environment() ([]string, error) {
	switch {
	case h.InCluster:
		const host, port = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"
		return []string{host + "=" + os.Getenv(host), port + "=" + os.Getenv(port)}, nil
	case h.File != "":
		return []string{clientcmd.RecommendedConfigPathEnvVar + "=" + h.File}, nil
	}
	file, err := h.temporary()
	if err != nil {
		return nil, fmt.Errorf("writing a kubeconfig for plugins: %w", err)
	}
	return []string{clientcmd.RecommendedConfigPathEnvVar + "=" + file}, nil
}

// temporary returns the temporary file, and writes it if it does not exist.
func (h *Hub) temporary() (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return "", fs.ErrClosed
	}
	if h.dir != "" {
		file := filepath.Join(h.dir, "hub.kubeconfig")
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
		if err := os.RemoveAll(h.dir); err != nil {
			return "", err
		}
	}
	// The directory is readable by its owner only, and WriteToFile creates a file of mode 0600.
	dir, err := os.MkdirTemp("", "capi-inventory-")
	if err != nil {
		return "", err
	}
	h.dir = dir
	file := filepath.Join(dir, "hub.kubeconfig")
	if err := clientcmd.WriteToFile(*h.content, file); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return file, nil
}

// Close removes the temporary file. No plugin finds the hub after that.
func (h *Hub) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.dir == "" {
		return nil
	}
	return os.RemoveAll(h.dir)
}
