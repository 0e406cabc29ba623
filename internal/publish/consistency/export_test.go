// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package consistency

// Deletions returns how many deletions are held.
func (s *Store) Deletions() int { return len(s.deleted) }
