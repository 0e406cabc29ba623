// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel

import "github.com/google/cel-go/cel"

// Environment is what expressions are compiled in.
func (c *Compiler) Environment() *cel.Env { return c.env }

// MaxPrograms is how many programs a compiler keeps.
const MaxPrograms = maxPrograms

// Kept is how many programs the compiler keeps.
func (c *Compiler) Kept() int { return len(c.programs.known) }
