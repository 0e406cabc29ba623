// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Command serviceaccount-token is an exec credential plugin for spokes that trust the issuer of the hub's ServiceAccount tokens. It
// prints a token of the consumer's own ServiceAccount that only the one spoke accepts.
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"
	"sigs.k8s.io/cluster-inventory-api/pkg/credentialplugin"

	"github.com/capi-inventory/capi-inventory/internal/hub/commandline"
	"github.com/capi-inventory/capi-inventory/internal/spoke/federation"
	"github.com/capi-inventory/capi-inventory/internal/version"
)

// requestTimeout is for a single request to the hub: most consumers set no deadline for plugins.
const requestTimeout = 10 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "[%s] %v\n", federation.Name, err)
		os.Exit(2)
	}
}

// run prints a token, or ends the process with the exit code 1.
func run(args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.version {
		fmt.Println(version.String())
		return nil
	}
	config, err := commandline.RESTConfig(commandline.ClientConfig(o.kubeconfig), federation.Name)
	if err != nil {
		return err
	}
	config.Timeout = requestTimeout
	credentialplugin.Run(federation.Plugin{
		Hub:            config,
		Account:        o.account,
		AudiencePrefix: o.audiencePrefix,
		Lifetime:       o.expiration,
	})
	return nil
}
