// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capi-inventory/capi-inventory/internal/cli/dashboard"
)

const (
	// retryRights is the pause before a kind is watched again that the user may not watch, or that is not installed.
	retryRights = 30 * time.Second
	// pageUpdates is the least time between two updates of the page.
	pageUpdates = 250 * time.Millisecond
)

type viewer struct {
	*options
	port      int
	noBrowser bool
}

func newDashboard(o *options) *cobra.Command {
	v := &viewer{options: o}
	cmd := &cobra.Command{
		Use:   "dashboard",
		Short: "Show the fleet on a page in the browser, and keep it up to date",
		Long: "Serve a page on loopback that shows every profile of the hub, what is wrong with it, and what to do about it. The page is " +
			"read-only, and updated by watches with the rights of the user. Its URL has a token, without which nobody gets an answer.\n\n" +
			"-n limits it to the profiles of one namespace; the namespace of the kubeconfig's context does not.",
		Args:              noArguments("-n limits the page to a namespace"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              v.run,
	}
	cmd.Flags().IntVar(&v.port, "port", 0, "Port of 127.0.0.1 on which the page is served; 0 means any free one.")
	cmd.Flags().BoolVar(&v.noBrowser, "no-browser", false,
		"Print the URL, and open no browser. None is opened either if the output is not a terminal.")
	return cmd
}

func (v *viewer) run(cmd *cobra.Command, _ []string) error {
	config, err := v.hubConfig()
	if err != nil {
		return err
	}
	d, err := dashboard.Listen(cmd.Context(), dashboard.Options{
		Connect: func() (client.WithWatch, error) {
			return client.NewWithWatch(config, client.Options{Scheme: newScheme(config)})
		},
		Name:      v.hubName(config.Host),
		Namespace: *v.config.Namespace,
		Flags:     v.hubSelection(),
		Now:       v.now,
		Port:      v.port,
		Retry:     retryRights,
		Batch:     pageUpdates,
	})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(v.Out, "%s\n", d.URL()); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	if !v.noBrowser && printers.IsTerminal(v.Out) {
		if err := d.Open(cmd.Context()); err != nil {
			v.warnf("%s; open the URL yourself", err)
		}
	}
	return d.Run(cmd.Context())
}

// hubName returns the name of the context and the host of the hub.
func (v *viewer) hubName(server string) string {
	host := server
	if parsed, err := url.Parse(server); err == nil {
		host = cmp.Or(parsed.Host, server)
	}
	raw, err := v.config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return host
	}
	if context := cmp.Or(*v.config.Context, raw.CurrentContext); context != "" {
		return context + " (" + host + ")"
	}
	return host
}

// withoutUserInfo returns a server without the user name and password that its URL may have; empty if it cannot be parsed.
func withoutUserInfo(server string) string {
	parsed, err := url.Parse(server)
	if err != nil {
		return ""
	}
	parsed.User = nil
	return parsed.String()
}

// hubSelection returns the flags that select the hub and the user, for command lines to copy. A token is not among them.
func (v *viewer) hubSelection() []string {
	config := v.config
	var flags []string
	for _, flag := range []struct{ name, value string }{
		{"--kubeconfig", *config.KubeConfig},
		{"--context", *config.Context},
		{"--cluster", *config.ClusterName},
		{"--user", *config.AuthInfoName},
		{"--server", withoutUserInfo(*config.APIServer)},
		{"--tls-server-name", *config.TLSServerName},
		{"--certificate-authority", *config.CAFile},
		{"--client-certificate", *config.CertFile},
		{"--client-key", *config.KeyFile},
		{"--as", *config.Impersonate},
		{"--as-uid", *config.ImpersonateUID},
	} {
		if flag.value != "" {
			flags = append(flags, flag.name, flag.value)
		}
	}
	for _, group := range *config.ImpersonateGroup {
		flags = append(flags, "--as-group", group)
	}
	if *config.Insecure {
		flags = append(flags, "--insecure-skip-tls-verify")
	}
	return flags
}
