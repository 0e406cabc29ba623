// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package kubeconfig_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/capi-inventory/capi-inventory/internal/cli/kubeconfig"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// existing creates a kubeconfig with the context a.
func existing(t *testing.T, path string) string {
	t.Helper()
	_, err := kubeconfig.Create(path, []kubeconfig.Context{simple("a", "https://a")})
	must(t, err)
	return path
}

// holds expects a kubeconfig with the contexts, and only the named files beside it.
func holds(t *testing.T, path string, names []string, beside ...string) {
	t.Helper()
	config, err := clientcmd.LoadFromFile(path)
	must(t, err)
	for _, name := range names {
		if config.Clusters[name] == nil {
			t.Errorf("%s has no cluster %s", path, name)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	var got []string
	for _, entry := range entries {
		if entry.Name() != filepath.Base(path) {
			got = append(got, entry.Name())
		}
	}
	slices.Sort(beside)
	if diff := cmp.Diff(beside, got); diff != "" {
		t.Errorf("beside %s -want +got:\n%s", path, diff)
	}
}

func TestCreateDoesNotOverwrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if _, err := kubeconfig.Create(path, []kubeconfig.Context{simple("a", "https://a")}); err != nil {
		t.Fatal(err)
	}
	if _, err := kubeconfig.Create(path, []kubeconfig.Context{simple("b", "https://b")}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file was written over; the error is %v", err)
	}
	config, err := clientcmd.LoadFromFile(path)
	if err != nil || config.Clusters["a"] == nil || config.Clusters["b"] != nil {
		t.Errorf("the file is not the first one: %v %v", config, err)
	}
}

func TestMergeIntoLink(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if _, err := kubeconfig.Create(real, []kubeconfig.Context{simple("a", "https://a")}); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	if _, err := kubeconfig.MergeInto(link, []kubeconfig.Context{simple("b", "https://b")}, false); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("a link was replaced by a file: %v %v", info, err)
	}
	if config, err := clientcmd.LoadFromFile(real); err != nil || config.Clusters["b"] == nil {
		t.Errorf("the target of the link was not merged into: %v", err)
	}
}

func TestMergeIntoNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	got, err := kubeconfig.MergeInto(path, []kubeconfig.Context{simple("a", "https://a")}, false)
	if diff := cmp.Diff(kubeconfig.Outcome{Added: []string{"a"}}, got); diff != "" || err != nil {
		t.Errorf("a file that does not exist is created: %v -want +got:\n%s", err, diff)
	}
}

func TestMergeIntoDanglingLink(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "kube"), 0o700))
	must(t, os.Symlink("kube/config", filepath.Join(dir, "link")))
	must(t, os.Symlink("link", filepath.Join(dir, "longer")))
	if _, err := kubeconfig.MergeInto(filepath.Join(dir, "longer"), []kubeconfig.Context{simple("a", "https://a")}, false); err != nil {
		t.Fatalf("the target of a link is created: %v", err)
	}
	holds(t, filepath.Join(dir, "kube", "config"), []string{"a"})

	must(t, os.Symlink("none/config", filepath.Join(dir, "nowhere")))
	if _, err := kubeconfig.MergeInto(filepath.Join(dir, "nowhere"), nil, false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder is created: %v", err)
	}
	must(t, os.Symlink("self", filepath.Join(dir, "self")))
	if _, err := kubeconfig.MergeInto(filepath.Join(dir, "self"), nil,
		false); err == nil || !strings.Contains(err.Error(), "too many links") {
		t.Errorf("a link to itself is an error: %v", err)
	}
}

// TestLocks: a lock is respected under every name of the file.
func TestLocks(t *testing.T) {
	for name, locked := range map[string]string{"Link": "link", "LinkInBetween": "between", "File": "real"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			existing(t, filepath.Join(dir, "real"))
			must(t, os.Symlink("real", filepath.Join(dir, "between")))
			must(t, os.Symlink("between", filepath.Join(dir, "link")))
			// This is what client-go does: it locks the name that it is given.
			must(t, os.WriteFile(filepath.Join(dir, locked+".lock"), nil, 0))
			_, err := kubeconfig.MergeInto(filepath.Join(dir, "link"), []kubeconfig.Context{simple("b", "https://b")}, false)
			if err == nil || !strings.Contains(err.Error(), "another program is writing "+filepath.Join(dir, locked)) {
				t.Errorf("the lock of %s was not respected: %v", locked, err)
			}
			holds(t, filepath.Join(dir, "real"), []string{"a"}, "between", "link", locked+".lock")
		})
	}
	t.Run("FolderIsALink", func(t *testing.T) {
		dir := t.TempDir()
		must(t, os.Mkdir(filepath.Join(dir, "kube"), 0o700))
		must(t, os.Symlink("kube", filepath.Join(dir, "home")))
		existing(t, filepath.Join(dir, "kube", "config"))
		if _, err := kubeconfig.MergeInto(filepath.Join(dir, "home", "config"), []kubeconfig.Context{
			simple("b", "https://b"),
		}, false); err != nil {
			t.Errorf("two names of one folder are one lock: %v", err)
		}
		holds(t, filepath.Join(dir, "kube", "config"), []string{"a", "b"})
	})
}

func TestMergeKeepsOwnerAndMode(t *testing.T) {
	for name, mode := range map[string]os.FileMode{"Stricter": 0o400, "Group": 0o640, "Everybody": 0o644} {
		t.Run(name, func(t *testing.T) {
			path := existing(t, filepath.Join(t.TempDir(), "config"))
			must(t, os.Chmod(path, mode))
			uid, gid := os.Getuid(), os.Getgid()
			if uid == 0 {
				uid, gid = 1234, 5678
				must(t, os.Chown(path, uid, gid))
			}
			_, err := kubeconfig.MergeInto(path, []kubeconfig.Context{simple("b", "https://b")}, false)
			must(t, err)
			info, err := os.Stat(path)
			must(t, err)
			mode &^= 0o007 // the file may contain credentials
			owner := info.Sys().(*syscall.Stat_t)
			if info.Mode() != mode || int(owner.Uid) != uid || int(owner.Gid) != gid {
				t.Errorf("want %s of %d:%d, got %s of %d:%d", mode, uid, gid, info.Mode(), owner.Uid, owner.Gid)
			}
			holds(t, path, []string{"a", "b"})
		})
	}
}
