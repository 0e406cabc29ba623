// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package apiserver runs real control planes, an etcd and a kube-apiserver each, for tests and the demo: hubs with the CRDs
// of the project, and spokes that can be stopped and started again.
//
// There is no controller manager beside them: nothing garbage-collects, and a namespace that is deleted stays Terminating.
package apiserver

import (
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/capi-inventory/capi-inventory/test/assets"
)

// Server is one control plane.
type Server struct {
	env *envtest.Environment
	dir string
}

// Flag is a flag of kube-apiserver, beyond those that every server here has.
type Flag struct {
	// Name has no dashes.
	Name, Value string
}

// timeout bounds each attempt to start or stop a control plane, and the wait for its CRDs: a busy machine takes longer than envtest allows.
const timeout = 2 * time.Minute

// Start starts a control plane and waits until it is ready. Stop must be called in the end.
func Start(flags ...Flag) (*Server, error) {
	binaries, err := assets.Find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "capi-inventory-apiserver-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for an API server's certificates: %w", err)
	}
	env := &envtest.Environment{
		BinaryAssetsDirectory: binaries, UseExistingCluster: new(bool), ControlPlaneStartTimeout: timeout, ControlPlaneStopTimeout: timeout,
	}
	// More than the default of 2 GiB, for benchmarks.
	env.ControlPlane.Etcd = &envtest.Etcd{}
	env.ControlPlane.Etcd.Configure().Set("quota-backend-bytes", "8589934592")
	// A folder of our own outlives a Pause, and with it the server's certificates.
	env.ControlPlane.GetAPIServer().CertDir = dir
	server := &Server{env: env, dir: dir}
	server.set(flags)
	if _, err := env.Start(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("starting an API server: %w", err)
	}
	return server, nil
}

func (s *Server) set(flags []Flag) {
	for _, flag := range flags {
		s.env.ControlPlane.GetAPIServer().Configure().Append(flag.Name, flag.Value)
	}
}

// Stop ends the control plane and removes what it left on disk.
func (s *Server) Stop() error {
	if err := s.env.Stop(); err != nil {
		return fmt.Errorf("stopping an API server: %w", err)
	}
	return os.RemoveAll(s.dir)
}

// Pause stops the API server; its etcd, and so its objects, remain.
func (s *Server) Pause() error {
	if err := s.env.ControlPlane.APIServer.Stop(); err != nil {
		return fmt.Errorf("pausing an API server: %w", err)
	}
	return nil
}

// Resume starts a paused API server again, at the same address and with the same certificates, and with more flags.
func (s *Server) Resume(flags ...Flag) error {
	s.set(flags)
	if err := s.env.ControlPlane.APIServer.Start(); err != nil {
		return fmt.Errorf("resuming an API server: %w", err)
	}
	return nil
}

// Config is a connection with every right.
func (s *Server) Config() *rest.Config { return rest.CopyConfig(s.env.Config) }

// Address is the host and port at which the server listens.
func (s *Server) Address() string { return s.env.ControlPlane.APIServer.HostPort() }

// Etcd is the URL of the server's etcd, which asks for no credentials.
func (s *Server) Etcd() string { return s.env.ControlPlane.Etcd.URL.String() }

// CertificateAuthority is the PEM certificate of the authority that signed the server's certificate.
func (s *Server) CertificateAuthority() []byte { return s.env.Config.CAData }

// As is a connection of the named user, who authenticates with a client certificate and has no rights but those given to
// the name or the groups.
func (s *Server) As(name string, groups ...string) (*rest.Config, error) {
	user, err := s.env.AddUser(envtest.User{Name: name, Groups: groups}, nil)
	if err != nil {
		return nil, fmt.Errorf("adding the user %s: %w", name, err)
	}
	return user.Config(), nil
}
