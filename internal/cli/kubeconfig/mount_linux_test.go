// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package kubeconfig_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/capi-inventory/capi-inventory/internal/cli/kubeconfig"
)

// inMounts is set in the process that has its own mounts.
const inMounts = "CAPI_INVENTORY_TEST_IN_MOUNTS"

// withMounts runs the test again, in a process that may mount.
func withMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inMounts) != "" {
		return true
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	command.Env = append(os.Environ(), inMounts+"=1")
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Start(); err != nil {
		t.Skipf("this machine does not permit mounts: %v", err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	if strings.Contains(out.String(), "--- SKIP") {
		t.Skip(out.String())
	}
	return false
}

// mounted is a kubeconfig on a small file system of its own, mounted to a file as container engines do it.
func mounted(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	small, path := filepath.Join(dir, "small"), filepath.Join(dir, "kube", "config")
	must(t, os.Mkdir(small, 0o700))
	must(t, os.Mkdir(filepath.Dir(path), 0o700))
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("this machine does not permit mounts: %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(small, 0)) })
	existing(t, filepath.Join(small, "config"))
	must(t, os.Chmod(filepath.Join(small, "config"), 0o640))
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, syscall.Mount(filepath.Join(small, "config"), path, "", syscall.MS_BIND, ""))
	t.Cleanup(func() { must(t, syscall.Unmount(path, 0)) })
	return path
}

// TestMergeIntoMount: a container may be given a kubeconfig by itself, and no other file can take its place then.
func TestMergeIntoMount(t *testing.T) {
	if !withMounts(t) {
		return
	}
	path := mounted(t, "1m")
	if _, err := kubeconfig.MergeInto(path, []kubeconfig.Context{simple("b", "https://b")}, false); err != nil {
		t.Fatal(err)
	}
	holds(t, path, []string{"a", "b"})
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("it is another file: %v %v", info, err)
	}
}

// TestMergeIntoFullMount: what cannot be written to its end is undone, and nothing is left behind.
func TestMergeIntoFullMount(t *testing.T) {
	if !withMounts(t) {
		return
	}
	path := mounted(t, "8k")
	before, err := os.ReadFile(path)
	must(t, err)
	large := simple("b", "https://b")
	large.Cluster.CertificateAuthorityData = bytes.Repeat([]byte("x"), 64<<10)
	_, err = kubeconfig.MergeInto(path, []kubeconfig.Context{large}, false)
	if err == nil || !strings.Contains(err.Error(), "no space left on device; it is unchanged") {
		t.Errorf("want what happened, and that nothing is lost; got %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file is not as it was: %v\n%s", err, after)
	}
	holds(t, path, []string{"a"})
}
