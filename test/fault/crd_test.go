// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"fmt"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterhub "github.com/capi-inventory/capi-inventory/internal/hub"
	"github.com/capi-inventory/capi-inventory/test/apiserver"
	"github.com/capi-inventory/capi-inventory/test/output"
)

// TestCRDIsInstalledAgain deletes the API of the profiles, and so every profile, and installs it again: all of them are published again,
// by the publisher that runs, or by its successor where it has ended.
func TestCRDIsInstalledAgain(t *testing.T) {
	if !*full {
		t.Skip("takes minutes: make test-fault")
	}
	s := newStage(t)
	random := newChurn(t, s)
	binary := build(t, "publisher", "../../cmd/publisher")
	var logs output.Buffer
	start := func() *process {
		return run(t, &logs, server.Config(), binary, "--leader-elect=false", "--stale-after=0", "--cluster-manager-name="+s.name,
			"--publisher-class="+s.name, "--namespace="+s.clusters[0]+","+s.clusters[1])
	}
	running := start()
	for range 3 {
		for range 20 {
			random.step(t)
		}
		deleteProfileAPI(t)
		for range 20 {
			random.step(t)
		}
		must(t, server.Install(apiserver.ClusterProfiles))
		random.calm(t)
		eventually(t, func() []string {
			if !running.alive() {
				// As kubelet does.
				running = start()
			}
			return s.audit(t)
		})
	}
	if found := leaked(t, map[string]string{"the logs": logs.String()}); len(found) > 0 {
		t.Errorf("%q", found)
	}
}

// deleteProfileAPI deletes the CRD of ClusterProfiles, and returns when the API server does not serve it any more.
func deleteProfileAPI(t *testing.T) {
	t.Helper()
	crd := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: clusterhub.ClusterProfiles.CRD}}
	crd.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
	direct, err := client.New(server.Config(), client.Options{})
	must(t, err)
	must(t, direct.Delete(t.Context(), crd))
	eventually(t, func() []string {
		if err := hub.List(t.Context(), &inventoryv1alpha1.ClusterProfileList{}); !apierrors.IsNotFound(err) {
			return []string{fmt.Sprintf("ClusterProfiles are still served: %v", err)}
		}
		return nil
	})
}
