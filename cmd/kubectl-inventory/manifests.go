// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/internal/hub"
)

// manifests are profiles in files, which are read as in kubectl: files, folders, URLs, and - for the standard input.
type manifests struct {
	files     []string
	recursive bool
}

func (m *manifests) add(cmd *cobra.Command) {
	flags := genericclioptions.FileNameFlags{
		Usage:     "Files with profiles, instead of those on the hub; - for the standard input.",
		Filenames: &m.files,
		Recursive: &m.recursive,
	}
	flags.AddFlags(cmd.Flags())
}

func (m *manifests) given() bool { return len(m.files) > 0 }

// read returns the profiles in the files. Other kinds are ignored.
func (m *manifests) read() ([]inventoryv1alpha1.ClusterProfile, error) {
	var profiles []inventoryv1alpha1.ClusterProfile
	err := resource.NewLocalBuilder().
		Unstructured().
		Local().
		FilenameParam(false, &resource.FilenameOptions{Filenames: m.files, Recursive: m.recursive}).
		Flatten().
		ContinueOnError().
		Do().
		Visit(func(info *resource.Info, err error) error {
			if err != nil {
				return err
			}
			kind := info.Object.GetObjectKind().GroupVersionKind()
			if kind.Group != inventoryv1alpha1.Group || kind.Kind != "ClusterProfile" {
				return nil
			}
			if known := hub.ClusterProfiles.KnownVersions(); !slices.Contains(known, kind.Version) {
				return fmt.Errorf("%s: apiVersion: the version %q is unknown, only %s are supported",
					info.Source, kind.Version, strings.Join(known, " and "))
			}
			profile, err := profileOf(info.Object)
			if err != nil {
				return fmt.Errorf("%s: ClusterProfile %s: %w", info.Source, info.Name, err)
			}
			profiles = append(profiles, *profile)
			return nil
		})
	if err == nil && len(profiles) == 0 {
		err = errors.New("--filename: the files contain no ClusterProfile")
	}
	return profiles, err
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
