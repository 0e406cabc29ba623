// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsclient "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
)

const profiles = "clusterprofiles.multicluster.x-k8s.io"

// clusterProfilesV1alpha2 is the next version of SIG-Multicluster's API alone.
var clusterProfilesV1alpha2 CRDs = func(root string) ([]byte, error) {
	return os.ReadFile(filepath.Join(root, "test/apiserver/v1alpha2/multicluster.x-k8s.io_clusterprofiles.yaml"))
}

// ServeProfiles changes the ClusterProfile API of a hub, which must be installed, as an administrator does who upgrades it: it is served
// in some of the versions v1alpha1 and v1alpha2, and stored in one. Beside v1alpha2, v1alpha1 is deprecated, as upstream plans it. It
// returns when the API server serves what is asked for.
func (s *Server) ServeProfiles(ctx context.Context, stored string, served ...string) error {
	versions, err := profileVersions()
	if err != nil {
		return err
	}
	for i := range versions {
		version := &versions[i]
		version.Served, version.Storage = slices.Contains(served, version.Name), version.Name == stored
		if version.Name == "v1alpha1" && slices.Contains(served, "v1alpha2") {
			version.Deprecated = true
			version.DeprecationWarning = ptr.To(
				"multicluster.x-k8s.io/v1alpha1 ClusterProfile is deprecated; use multicluster.x-k8s.io/v1alpha2")
		}
	}
	crds := apiextensionsclient.NewForConfigOrDie(s.env.Config).CustomResourceDefinitions()
	if err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		crd, err := crds.Get(ctx, profiles, metav1.GetOptions{})
		if err != nil {
			return err
		}
		crd.Spec.Versions = versions
		_, err = crds.Update(ctx, crd, metav1.UpdateOptions{})
		return err
	}); err != nil {
		return fmt.Errorf("changing the ClusterProfile API: %w", err)
	}
	return s.waitForProfiles(ctx, served)
}

// profileVersions returns v1alpha1, as the project installs it, and v1alpha2.
func profileVersions() ([]apiextensionsv1.CustomResourceDefinitionVersion, error) {
	root, err := projectRoot()
	if err != nil {
		return nil, err
	}
	var versions []apiextensionsv1.CustomResourceDefinitionVersion
	for _, set := range []CRDs{ClusterProfiles, clusterProfilesV1alpha2} {
		manifests, err := set(root)
		if err != nil {
			return nil, err
		}
		crds, err := decode(manifests)
		if err != nil {
			return nil, err
		}
		for _, crd := range crds {
			versions = append(versions, crd.Spec.Versions...)
		}
	}
	return versions, nil
}

func (s *Server) waitForProfiles(ctx context.Context, want []string) error {
	client, err := discovery.NewDiscoveryClientForConfig(s.env.Config)
	if err != nil {
		return fmt.Errorf("making a discovery client: %w", err)
	}
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, timeout, true, func(context.Context) (bool, error) {
		for _, version := range []string{"v1alpha1", "v1alpha2"} {
			resources, err := client.ServerResourcesForGroupVersion("multicluster.x-k8s.io/" + version)
			served := err == nil &&
				slices.ContainsFunc(resources.APIResources, func(r metav1.APIResource) bool { return r.Kind == "ClusterProfile" })
			if served != slices.Contains(want, version) {
				return false, nil
			}
		}
		return true, nil
	})
}
