// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	prometheusmodel "github.com/prometheus/common/model"
)

// usage is what a program has of the machine. Memory is in KiB.
type usage struct {
	memory, threads, goroutines, descriptors, children int
}

// usage reads that of a program which serves its metrics at the address.
func (p *process) usage(t *testing.T, metrics string) usage {
	t.Helper()
	pid := p.command.Process.Pid
	descriptors, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	must(t, err)
	started := 0
	for _, pids := range children(t, pid) {
		started += len(pids)
	}
	return usage{
		memory:      statusOf(t, pid, "VmRSS"),
		threads:     statusOf(t, pid, "Threads"),
		goroutines:  gaugeIn(t, metricsAt(t, metrics), "go_goroutines"),
		descriptors: len(descriptors),
		children:    started,
	}
}

// exceeds returns what is more than a program had before that has not leaked. Go's runtime gives memory back late, and threads never, of
// which it needs one for each system call that blocks at the same time; and there may be a few connections more or less.
func (u usage) exceeds(before usage) []string {
	var faults []string
	for _, of := range []struct {
		name        string
		now, before int
		allowed     int
	}{
		{"KiB of memory", u.memory, before.memory, before.memory / 2},
		{"threads", u.threads, before.threads, 20},
		{"goroutines", u.goroutines, before.goroutines, 20},
		{"open descriptors", u.descriptors, before.descriptors, 5},
		{"child processes", u.children, before.children, 0},
	} {
		if of.now > of.before+of.allowed {
			faults = append(faults, fmt.Sprintf("%d %s instead of %d", of.now, of.name, of.before))
		}
	}
	return faults
}

// statusOf reads a number of /proc/<pid>/status.
func statusOf(t *testing.T, pid int, name string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == name+":" {
			value, err := strconv.Atoi(fields[1])
			must(t, err)
			return value
		}
	}
	t.Fatalf("the status of process %d has no %s", pid, name)
	return 0
}

// gaugeIn returns a gauge without labels.
func gaugeIn(t *testing.T, metrics, name string) int {
	t.Helper()
	parser := expfmt.NewTextParser(prometheusmodel.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(metrics))
	must(t, err)
	if families[name] == nil {
		t.Fatalf("there is no metric %s", name)
	}
	return int(families[name].GetMetric()[0].GetGauge().GetValue())
}

// children returns the processes that a process has started and that have not ended, by their name.
func children(t *testing.T, parent int) map[string][]int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	must(t, err)
	found := map[string][]int{}
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			// It has ended.
			continue
		}
		// The name is in parentheses; the state and the parent follow.
		open, shut := strings.IndexByte(string(stat), '('), strings.LastIndexByte(string(stat), ')')
		fields := strings.Fields(string(stat[shut+1:]))
		if fields[1] != strconv.Itoa(parent) || fields[0] == "Z" {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		must(t, err)
		name := string(stat[open+1 : shut])
		found[name] = append(found[name], pid)
	}
	return found
}
