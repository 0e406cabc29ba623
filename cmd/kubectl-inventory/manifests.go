// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/hub"
)

// manifests are profiles in files.
type manifests struct{ manifestFiles }

func (m *manifests) add(cmd *cobra.Command) {
	m.manifestFiles.add(cmd, "Files with profiles, instead of those on the hub; - for the standard input.")
}

// profiles returns the profiles in the files. Other kinds are ignored.
func (m *manifests) profiles(ctx context.Context, in io.Reader) ([]inventoryv1alpha1.ClusterProfile, error) {
	documents, err := m.documents(ctx, in)
	errs := []error{err}
	var profiles []inventoryv1alpha1.ClusterProfile
	for _, document := range documents {
		kind := document.Object.GetObjectKind().GroupVersionKind()
		if kind.Group != inventoryv1alpha1.Group || kind.Kind != "ClusterProfile" {
			continue
		}
		if known := hub.ClusterProfiles.KnownVersions(); !slices.Contains(known, kind.Version) {
			errs = append(errs, fmt.Errorf("%s: apiVersion: the version %q is unknown, only %s are supported",
				document.Source, kind.Version, strings.Join(known, " and ")))
			continue
		}
		profile, err := profileOf(document.Object)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: ClusterProfile %s: %w", document.Source, document.Name, err))
			continue
		}
		profiles = append(profiles, *profile)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(profiles) == 0 {
		return nil, errors.New("--filename: the files contain no ClusterProfile")
	}
	return profiles, nil
}

// profileOf decodes a manifest strictly: the API server would drop an unknown field without an error.
func profileOf(object runtime.Object) (*inventoryv1alpha1.ClusterProfile, error) {
	content := object.(*unstructured.Unstructured).Object
	if err := checkBase64(content); err != nil {
		return nil, err
	}
	profile := &inventoryv1alpha1.ClusterProfile{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(content, profile, true); err != nil {
		return nil, err
	}
	return profile, nil
}

// checkBase64 returns an error that names the field, which the decoder's does not.
func checkBase64(content map[string]any) error {
	for _, list := range []string{"accessProviders", "credentialProviders"} {
		providers, _, _ := unstructured.NestedSlice(content, "status", list)
		for i, provider := range providers {
			fields, _ := provider.(map[string]any)
			text, _, _ := unstructured.NestedString(fields, "cluster", "certificate-authority-data")
			if _, err := base64.StdEncoding.DecodeString(text); err != nil {
				return fmt.Errorf("status.%s[%d].cluster.certificate-authority-data: is not valid base64", list, i)
			}
		}
	}
	return nil
}
