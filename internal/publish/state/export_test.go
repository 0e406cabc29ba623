// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package state

// Empty reports whether nothing is left of any wait.
func (w *Waiters) Empty() bool { return len(w.profiles) == 0 && len(w.clusters) == 0 }
