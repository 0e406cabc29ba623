// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"
)

func TestParseWithdrawReportsWrongFlags(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		says []string
	}{
		"BadSelector": {args: []string{"-l", "env in prod", "--timeout=0s"}, says: []string{"--selector", "--timeout: must be positive"}},
		"Argument":    {args: []string{"default"}, says: []string{`unexpected argument "default"`}},
		"UnknownFlag": {args: []string{"--all"}, says: []string{"unknown flag: --all"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := parseWithdraw(tc.args)
			if err == nil {
				t.Fatalf("%v was accepted", tc.args)
			}
			for _, word := range tc.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%v: %q does not say %q", tc.args, err, word)
				}
			}
		})
	}
}

func TestWithdrawSelectsAllInventoriesByDefault(t *testing.T) {
	o, selector, err := parseWithdraw(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !selector.Empty() || o.timeout != 2*time.Minute {
		t.Errorf("got the selector %q and %+v", selector, o)
	}
}
