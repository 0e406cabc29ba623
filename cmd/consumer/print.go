// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

// What --once can print.
const (
	outputTable = "table"
	outputJSON  = "json"
)

// errUnreachable means that --once found a spoke that cannot be reached; the output says which.
var errUnreachable = errors.New("not every spoke is reachable")

// print prints the checks, and returns errUnreachable if one of them failed.
func (o *options) print(out io.Writer, checks *v1alpha1.SpokeCheckList) error {
	printed := printTable
	if o.output == outputJSON {
		printed = printJSON
	}
	if err := printed(out, checks); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	for _, check := range checks.Items {
		if !meta.IsStatusConditionTrue(check.Status.Conditions, v1alpha1.ConditionReachable) {
			return errUnreachable
		}
	}
	return nil
}

func printJSON(out io.Writer, checks *v1alpha1.SpokeCheckList) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(checks)
}

func printTable(out io.Writer, checks *v1alpha1.SpokeCheckList) error {
	table := tabwriter.NewWriter(out, 0, 8, 3, ' ', 0)
	// Flush returns the error of a write.
	_, _ = fmt.Fprintln(table, "NAMESPACE\tNAME\tREACHABLE\tREASON\tVERSION\tMESSAGE")
	for _, check := range checks.Items {
		if condition := meta.FindStatusCondition(check.Status.Conditions, v1alpha1.ConditionReachable); condition != nil {
			_, _ = fmt.Fprintf(
				table,
				"%s\t%s\t%s\t%s\t%s\t%s\n",
				check.Namespace,
				check.Name,
				condition.Status,
				condition.Reason,
				check.Status.KubernetesVersion,
				condition.Message,
			)
		}
	}
	return table.Flush()
}
