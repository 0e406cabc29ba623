// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program of ours that runs: a publisher, a broker or a consumer.
type process struct {
	name    string
	command *exec.Cmd
	began   time.Time
	metrics string
	// log is the path of its log.
	log string
}

// publish starts a publisher.
func (s *stage) publish() (*process, error) {
	return s.run(s.plan.publisher, append([]string{"--concurrency", strconv.Itoa(s.plan.concurrency)}, s.plan.flags...)...)
}

// publishSettled starts a publisher and waits until it is settled, and returns how long after its start that was.
func (s *stage) publishSettled(ctx context.Context) (publisher *process, after time.Duration, err error) {
	if publisher, err = s.publish(); err != nil {
		return nil, 0, err
	}
	if after, err = publisher.settled(ctx, s.size); err != nil {
		return nil, 0, errors.Join(err, publisher.stop())
	}
	return publisher, after, nil
}

// run starts a program; flags are those beside the ones that every run has.
func (s *stage) run(binary string, flags ...string) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p := &process{name: filepath.Base(binary), metrics: "http://" + address + "/metrics"}
	p.log = filepath.Join(s.dir, p.name+".log")
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening a log for the %s: %w", p.name, err)
	}
	p.command = exec.Command(binary, append([]string{
		"--kubeconfig", s.kubeconfig(), "--leader-elect=false", "--health-addr=0",
		"--diagnostics-address", address, "--insecure-diagnostics",
	}, flags...)...)
	p.command.Stdout, p.command.Stderr = log, log
	// A group of its own: Ctrl-C is for the benchmark, which then ends its program in order.
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.began = time.Now()
	// The program has its own copy of the log by then.
	if err := errors.Join(p.command.Start(), log.Close()); err != nil {
		return nil, fmt.Errorf("starting the %s: %w", p.name, err)
	}
	return p, nil
}

// stop ends the program as Kubernetes would.
func (p *process) stop() error {
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping the %s: %w", p.name, err)
	}
	var exit *exec.ExitError
	if err := p.command.Wait(); err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("stopping the %s: %w", p.name, err)
	}
	return nil
}

// The publisher's metrics that show its progress.
const (
	reconciles = `controller_runtime_reconcile_total{controller="publisher"`
	statuses   = `capi_inventory_writes_total{kind="status",result="success"`
	anyWrite   = `capi_inventory_writes_total{`
)

// settled waits until the publisher has looked at that many Clusters, and then at none for a while, and returns how long
// after its start that was.
func (p *process) settled(ctx context.Context, clusters int) (time.Duration, error) {
	const quiet = 3 * time.Second
	last, since := 0.0, time.Now()
	for {
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
		count, err := p.count(ctx, reconciles)
		if err != nil {
			return 0, err
		}
		if count != last {
			last, since = count, time.Now()
		}
		if last >= float64(clusters) && time.Since(since) > quiet {
			return since.Sub(p.began), nil
		}
	}
}

// patience is how long a counter may stand still: longer than a program waits for its first lists, and than the broker pauses before it
// tries a spoke again.
const patience = 20 * time.Minute

// reached waits until a counter has reached a value, by work that began at a time. To ask costs the program time: seldom, until it is
// nearly done.
func (p *process) reached(ctx context.Context, series string, began time.Time, want float64) error {
	last, since := 0.0, time.Now()
	for {
		count, err := p.count(ctx, series)
		if err != nil || count >= want {
			return err
		}
		if count != last {
			last, since = count, time.Now()
		}
		if time.Since(since) > patience {
			return fmt.Errorf("the %s has stopped at %.0f of %.0f", p.name, count, want)
		}
		spent := time.Since(began)
		left := time.Duration(float64(spent) * (want/max(count, 1) - 1))
		if err := wait(ctx, min(max(left/2, spent/200, 20*time.Millisecond), time.Second)); err != nil {
			return err
		}
	}
}

// count reads a counter of the program: the sum of the series that begin so. It is zero while the program starts.
func (p *process) count(ctx context.Context, series string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.metrics, nil)
	if err != nil {
		return 0, err
	}
	// Compressed, the page would cost more.
	request.Header.Set("Accept-Encoding", "identity")
	response, err := http.DefaultClient.Do(request)
	if errors.Is(err, syscall.ECONNREFUSED) && time.Since(p.began) < time.Minute {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the metrics of the %s: %w; its log ends with: %s", p.name, err, p.lastLine())
	}
	defer func() { _ = response.Body.Close() }()
	return sum(response.Body, func(line string) bool { return strings.HasPrefix(line, series) })
}

// lastLine returns the end of the program's log: if it has ended by itself, the reason.
func (p *process) lastLine() string {
	log, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	text := strings.TrimSpace(string(log))
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// sum adds up the series of a page of metrics that are wanted.
func sum(page io.Reader, wanted func(line string) bool) (float64, error) {
	total := 0.0
	lines := bufio.NewScanner(page)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if line := lines.Text(); wanted(line) {
			value, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
			if err != nil {
				return 0, fmt.Errorf("reading the metric %q: %w", line, err)
			}
			total += value
		}
	}
	return total, lines.Err()
}

// memory is a figure of /proc/<pid>/status, in MiB.
func (p *process) memory(figure string) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("reading the memory of the %s: %w", p.name, err)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); fields[0] == figure+":" {
			kib, err := strconv.ParseFloat(fields[1], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("reading the memory of the %s: no %s", p.name, figure)
}

// The first of two fields of /proc/<pid>/stat after the name of the program: the time in user mode, before that in system mode, of the
// program itself, and of its children that have ended.
const (
	ownTime      = 11
	childrenTime = 13
)

// processorTime is what the program has used of the processors.
func (p *process) processorTime() (time.Duration, error) { return p.time(ownTime) }

// childrenTime is what the children of the program that have ended have used of the processors.
func (p *process) childrenTime() (time.Duration, error) { return p.time(childrenTime) }

// time adds up a field of /proc/<pid>/stat and the next one.
func (p *process) time(field int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("reading the processor time of the %s: %w", p.name, err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var ticks int64
	for _, text := range fields[field : field+2] {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading the processor time of the %s: %w", p.name, err)
		}
		ticks += n
	}
	// USER_HZ is 100 on every Linux.
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// wait sleeps, or ends early with the context's error.
func wait(ctx context.Context, duration time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(duration):
		return nil
	}
}
