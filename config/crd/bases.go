// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package crd embeds CustomResourceDefinitions of the project.
package crd

import _ "embed"

// Inventories is the CustomResourceDefinition of Inventories, in YAML.
//
//go:embed bases/capi-inventory.dev_inventories.yaml
var Inventories []byte
