// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/client-go/util/workqueue"
	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/cli/kubeconfig"
	"github.com/capi-inventory/capi-inventory/internal/cli/printers"
	"github.com/capi-inventory/capi-inventory/internal/spoke/access"
	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
)

// entry is a profile on its way to a context. err is why it is left out.
type entry struct {
	profile    *inventoryv1alpha1.ClusterProfile
	connection access.Connection
	context    kubeconfig.Context
	err        error
}

// make converts profiles to contexts. left are the profiles that cannot be converted, with the reasons.
func (w *writer) make(
	ctx context.Context, providers *access.Providers, profiles []inventoryv1alpha1.ClusterProfile,
) (made []kubeconfig.Context, left []string, err error) {
	entries := make([]entry, len(profiles))
	for i := range entries {
		e := &entries[i]
		e.profile = &profiles[i]
		e.connection, e.err = providers.Connection(e.profile)
		if e.err == nil && e.connection.Note != "" {
			w.warnf("note: %s: %s", kubeconfig.Name(e.profile), e.connection.Note)
		}
	}
	if w.embed {
		err = w.withCredentials(ctx, entries)
	} else {
		err = w.withPlugins(entries)
	}
	if err != nil {
		return nil, nil, err
	}
	for i := range entries {
		if e := &entries[i]; e.err != nil {
			left = append(left, fmt.Sprintf("%s: %s", kubeconfig.Name(e.profile), e.err))
		} else {
			made = append(made, e.context)
		}
	}
	return made, left, nil
}

// withPlugins sets contexts whose users are plugins.
func (w *writer) withPlugins(entries []entry) error {
	hub, err := w.hubOfPlugins()
	for i := range entries {
		e := &entries[i]
		if e.err != nil {
			continue
		}
		if err != nil && !kubeconfig.FindsHub(e.connection) {
			return err
		}
		e.context, e.err = kubeconfig.WithPlugin(e.profile, e.connection, hub)
	}
	return nil
}

// withCredentials sets contexts that contain credentials. No plugin is started after ctx has ended.
func (w *writer) withCredentials(ctx context.Context, entries []entry) (err error) {
	w.warnf("Warning: the kubeconfig will contain credentials. Anyone who can read it has access to the spokes until the credentials " +
		"expire or are revoked; they are not renewed.")
	source, done, err := w.source(&w.providerFlags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	bar := printers.NewBar(w.ErrOut, len(entries), "without credentials")
	workqueue.ParallelizeUntil(ctx, w.workers, len(entries), func(i int) {
		e := &entries[i]
		if e.err == nil {
			e.context, e.err = withCredential(ctx, source, e)
		}
		bar.Step(e.err == nil)
	})
	bar.Clear()
	return ctx.Err()
}

func withCredential(ctx context.Context, source *credential.Source, e *entry) (kubeconfig.Context, error) {
	given, _, err := source.Get(ctx, client.ObjectKeyFromObject(e.profile), e.connection.Provider, e.connection.Config)
	if err != nil {
		return kubeconfig.Context{}, err
	}
	return kubeconfig.WithCredential(e.profile, e.connection, given)
}
