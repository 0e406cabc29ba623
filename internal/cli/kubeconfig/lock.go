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

// maxLinks is how many links are followed to a file, as Linux does.
const maxLinks = 40

// namesOf are the names that lead to a file: the one given, then what it is a link to and so on, at last the file itself, which
// need not be there. Two names are the same if and only if they are the same entry of a folder.
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
			// It is no link, or it is not there.
			return names, nil //nolint:nilerr // reading the file says what else may be wrong
		}
		if path = target; !filepath.IsAbs(target) {
			path = filepath.Join(dir, target)
		}
	}
	return nil, fmt.Errorf("%s: too many links lead from here", names[0])
}

// lockAll locks a file under each of its names. kubectl locks the name that it is given, so of two people who edit one file, one
// by way of a link, both would have a lock of their own.
func lockAll(names []string) (unlock func() error, err error) {
	var unlocks []func() error
	unlock = func() error {
		var faults []error
		for _, one := range slices.Backward(unlocks) {
			faults = append(faults, one())
		}
		return errors.Join(faults...)
	}
	for i, name := range names {
		one, err := lock(name)
		switch isLink := i < len(names)-1; {
		case err == nil:
			unlocks = append(unlocks, one)
		case isLink && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)):
			// Beside a link that cannot be locked, nobody else has a lock either.
		default:
			return nil, errors.Join(err, unlock())
		}
	}
	return unlock, nil
}

// lock creates the file that stands for an edit in progress.
func lock(path string) (func() error, error) {
	name := path + ".lock"
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("somebody else is writing %s; if nobody is, remove %s", path, name)
	} else if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() error { return os.Remove(name) }, file.Close()
}
