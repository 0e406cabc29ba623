// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package kubeconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// maxLinks is the maximal number of links that are followed to a file, as in Linux.
const maxLinks = 40

// namesOf returns the names of a file: the given one, then the target if it is a link, and so on, at last the file itself, which
// need not exist. Two names are equal if and only if they are the same entry of a folder.
func namesOf(path string) ([]string, error) {
	var names []string
	for range maxLinks {
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return nil, fmt.Errorf("finding the folder of %s: %w", path, err)
		}
		path = filepath.Join(dir, filepath.Base(path))
		names = append(names, path)
		target, err := os.Readlink(path)
		if err != nil {
			// It is not a link, or it does not exist.
			return names, nil //nolint:nilerr // reading the file reports any other error
		}
		if path = target; !filepath.IsAbs(target) {
			path = filepath.Join(dir, target)
		}
	}
	return nil, fmt.Errorf("%s: too many links", names[0])
}

// lockAll locks a file under each of its names. kubectl locks only the name that it is given, which may be a link.
func lockAll(names []string) (unlock func() error, err error) {
	var unlocks []func() error
	unlock = func() error {
		var errs []error
		for _, one := range slices.Backward(unlocks) {
			errs = append(errs, one())
		}
		return errors.Join(errs...)
	}
	for i, name := range names {
		one, err := lock(name)
		switch isLink := i < len(names)-1; {
		case err == nil:
			unlocks = append(unlocks, one)
		case isLink && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)):
			// No other program can hold a lock of this name.
		default:
			return nil, errors.Join(err, unlock())
		}
	}
	return unlock, nil
}

// lock creates the lock file of client-go.
func lock(path string) (func() error, error) {
	name := path + ".lock"
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("another program is writing %s; if none is, remove %s", path, name)
	} else if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() error { return os.Remove(name) }, file.Close()
}
