// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// tableType asks the API server for the table that kubectl prints.
const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io"

// chapter prints a heading of the story.
func chapter(title string) { fmt.Printf("\n=== %s\n", title) }

// say prints a sentence of the story.
func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// getTable prints what `kubectl get RESOURCE -A` prints; path is the resource's URL. wide is -o wide.
func (t *theatre) getTable(ctx context.Context, resource, path string, wide bool) error {
	command := "kubectl get " + resource + " -A"
	if wide {
		command += " -o wide"
	}
	fmt.Printf("\n$ %s\n", command)
	httpClient, err := rest.HTTPClientFor(t.hub.Config())
	if err != nil {
		return fmt.Errorf("connecting to the hub: %w", err)
	}
	server, err := rest.UnversionedRESTClientForConfigAndClient(withCodec(t.hub.Config()), httpClient)
	if err != nil {
		return fmt.Errorf("connecting to the hub: %w", err)
	}
	raw, err := server.Get().AbsPath(path).SetHeader("Accept", tableType).Do(ctx).Raw()
	if err != nil {
		return fmt.Errorf("listing %s: %w", resource, err)
	}
	table := &metav1.Table{}
	if err := json.Unmarshal(raw, table); err != nil {
		return fmt.Errorf("reading the table of %s: %w", resource, err)
	}
	namespaced := false
	for i := range table.Rows {
		object := &metav1.PartialObjectMetadata{}
		if err := json.Unmarshal(table.Rows[i].Object.Raw, object); err != nil {
			return fmt.Errorf("reading the table of %s: %w", resource, err)
		}
		table.Rows[i].Object.Object = object
		namespaced = namespaced || object.Namespace != ""
	}
	return printers.NewTablePrinter(printers.PrintOptions{WithNamespace: namespaced, Wide: wide}).PrintObj(table, os.Stdout)
}

// getYAML prints an object as kubectl does, without the managed fields, and with certificates shortened.
func (t *theatre) getYAML(ctx context.Context, resource string, object *unstructured.Unstructured) error {
	fmt.Printf("\n$ kubectl get %s %s -n %s -o yaml\n", resource, object.GetName(), object.GetNamespace())
	if err := t.client.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
		return fmt.Errorf("reading a %s: %w", resource, err)
	}
	object.SetManagedFields(nil)
	raw, err := yaml.Marshal(object.Object)
	if err != nil {
		return fmt.Errorf("printing a %s: %w", resource, err)
	}
	for line := range strings.Lines(string(raw)) {
		if key, value, found := strings.Cut(line, "certificate-authority-data: "); found && len(value) > 24 {
			line = fmt.Sprintf("%scertificate-authority-data: %s... (%d characters)\n", key, value[:20], len(strings.TrimSpace(value)))
		}
		fmt.Print(line)
	}
	return nil
}

// withCodec gives a connection what the REST client asks for although it only carries raw bytes.
func withCodec(config *rest.Config) *rest.Config {
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	return config
}
