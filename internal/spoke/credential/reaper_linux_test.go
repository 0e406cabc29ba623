// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/capi-inventory/capi-inventory/internal/spoke/credential"
)

// TestReaperEndsOrphans runs plugins that leave processes behind in every possible way, in a separate process that becomes the
// parent of all orphans, and says what is left afterwards.
func TestReaperEndsOrphans(t *testing.T) {
	cases := map[string]struct {
		why        string
		role       string
		attributes *syscall.SysProcAttr
	}{
		"Subreaper": {why: "on a machine with an init of its own", role: "consumer"},
		"PID1": {why: "as the first process of a container", role: "consumer-first", attributes: &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.Command(os.Args[0])
			command.Env = append(os.Environ(), playing+"="+tc.role, "DIR="+t.TempDir(), "GORACE=atexit_sleep_ms=0")
			command.SysProcAttr = tc.attributes
			var out bytes.Buffer
			command.Stdout, command.Stderr = &out, &out
			if err := command.Start(); err != nil {
				t.Skipf("NOT TESTED: this machine does not permit a process namespace: %v", err)
			}
			if err := command.Wait(); err != nil || out.Len() > 0 {
				t.Errorf("%s: %v\n%s", tc.why, err, out.String())
			}
		})
	}
}

// playOnSystem plays what needs more of the system than other roles.
func playOnSystem(role string) {
	switch role {
	case "wait":
		forever()
	case "leave-job":
		bear("child", childOf{deaf: true, attributes: syscall.SysProcAttr{Setpgid: true}})
		answer("from-the-parent", "")
	case "leave-daemon": // A child that has left the session, and with it all that its parent knows.
		bear("child", childOf{deaf: true, attributes: syscall.SysProcAttr{Setsid: true}})
		answer("from-the-parent", "")
	case "leave-daemon-holding":
		bear("child", childOf{attributes: syscall.SysProcAttr{Setsid: true}})
		answer("from-the-parent", "")
	case "consumer-first":
		// The namespace has no /proc of its own yet.
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			panic(err)
		}
		if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
			panic(err)
		}
		if os.Getpid() != 1 {
			panic("this is not the first process")
		}
		consume(nil)
	case "consumer":
		reaper, err := credential.NewReaper()
		if err != nil {
			panic(err)
		}
		consume(reaper)
	case "helped-by-orphan": // A daemon that the plugin still talks to when another plugin has ended.
		daemon := bear("daemon-parent", childOf{deaf: true, attributes: syscall.SysProcAttr{Setsid: true}})
		_, _ = daemon.Wait()
		written, err := os.ReadFile(filepath.Join(os.Getenv("DIR"), "daemon"))
		if err != nil {
			panic(err)
		}
		// Opening a FIFO waits for the other end.
		for _, fifo := range []string{"begun", "gate"} {
			if err := touch(fifo); err != nil {
				panic(err)
			}
		}
		pid, err := strconv.Atoi(string(written))
		if err != nil {
			panic(err)
		}
		if state := stateOf(pid); state == "" || state == "Z" {
			fmt.Fprintf(os.Stderr, "the daemon is gone: %q", state)
			os.Exit(3)
		}
		answer("helped", "")
	case "daemon-parent":
		daemon := bear("child", childOf{deaf: true, attributes: syscall.SysProcAttr{Setsid: true}})
		if err := os.WriteFile(filepath.Join(os.Getenv("DIR"), "daemon"), []byte(strconv.Itoa(daemon.Pid)), 0o600); err != nil {
			panic(err)
		}
		ready()
	}
}

// touch opens a FIFO and closes it, which blocks until another process does the same.
func touch(fifo string) error {
	file, err := os.OpenFile(filepath.Join(os.Getenv("DIR"), fifo), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return file.Close()
}

func meet(fifo string) {
	if _, err := os.ReadFile(filepath.Join(os.Getenv("DIR"), fifo)); err != nil {
		panic(err)
	}
}

// consume runs plugins as a consumer does, and prints what is wrong.
func consume(reaper *credential.Reaper) {
	source := &credential.Source{
		Timeout:     time.Minute,
		MaxAge:      time.Minute,
		Environment: os.Environ(),
		Clock:       clock.RealClock{},
		Reaper:      reaper,
	}
	run := func(role string, timeout time.Duration) (*credential.Credential, error) {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		given, _, err := source.Get(ctx, types.NamespacedName{Name: role}, "p", dialling(plugin(role)))
		return given, err
	}
	for _, role := range []string{
		"leave-child",
		"fail-leaving-child",
		"leave-deaf-child",
		"leave-job",
		"leave-daemon",
		"leave-daemon-holding",
	} {
		_, _ = run(role, time.Minute)
		report(role)
	}
	_, _ = run("hang", 2*time.Second)
	report("hang")

	for _, fifo := range []string{"begun", "gate"} {
		if err := unix.Mkfifo(filepath.Join(os.Getenv("DIR"), fifo), 0o600); err != nil {
			panic(err)
		}
	}
	var running sync.WaitGroup
	running.Go(func() {
		if given, err := run("helped-by-orphan", time.Minute); err != nil || given.Token != "helped" {
			fmt.Printf("a plugin lost its daemon because another plugin ended: %v\n", err)
		}
	})
	meet("begun")
	_, _ = run("leave-daemon", time.Minute)
	meet("gate")
	running.Wait()
	report("all")
	others(run)
}

// others makes sure that processes of the program's own are left to those who wait for them.
func others(run func(string, time.Duration) (*credential.Credential, error)) {
	start := func(role string) *exec.Cmd {
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), playing+"="+role)
		if err := command.Start(); err != nil {
			panic(err)
		}
		return command
	}
	living, dead := start("wait"), start("say")
	if err := unix.Waitid(unix.P_PID, dead.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		panic(err)
	}
	_, _ = run("leave-daemon", time.Minute)
	if err := dead.Wait(); err != nil {
		fmt.Println("a child of another part was reaped:", err)
	}
	if state := stateOf(living.Process.Pid); state == "" || state == "Z" {
		fmt.Printf("a child of another part was killed: %q\n", state)
	}
	_ = living.Process.Kill()
	_ = living.Wait()
}

// report prints the children that this process has.
func report(after string) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:])); fields[1] == strconv.Itoa(os.Getpid()) {
			fmt.Printf("after %s: a process is left in state %s\n", after, fields[0])
		}
	}
}

func stateOf(pid int) string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	return strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))[0]
}
