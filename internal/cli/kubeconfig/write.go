// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package kubeconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// errCannotReplace means that a file cannot be replaced by a new one.
var errCannotReplace = errors.New("the file cannot be replaced")

// replaceContent replaces the content of a file. It renames a new file to it, so that it is never half written; if that is not
// possible, because the file is a mount point or because its owner could not be kept, it is written in place.
func replaceContent(path string, raw []byte) error {
	err := replaceFile(path, raw)
	if errors.Is(err, errCannotReplace) {
		return overwrite(path, raw)
	}
	return err
}

func replaceFile(path string, raw []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	fresh, err := writeBeside(path, "", raw)
	if err != nil {
		return err
	}
	if err = keepOwner(fresh, info); errors.Is(err, fs.ErrPermission) {
		err = errCannotReplace
	}
	if err == nil {
		err = os.Chmod(fresh, private(info))
	}
	if err == nil {
		// A mount point cannot be replaced, such as a file that is mounted into a container.
		if err = os.Rename(fresh, path); errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV) {
			err = errCannotReplace
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), os.Remove(fresh))
	}
	return nil
}

// private returns the mode of a file without the permissions of others: a kubeconfig may contain credentials.
func private(info fs.FileInfo) fs.FileMode { return info.Mode().Perm() &^ 0o007 }

// writeBeside writes a new file of mode 0600 into the folder of another one, and returns its name.
func writeBeside(path, suffix string, raw []byte) (string, error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*"+suffix)
	if err != nil {
		return "", fmt.Errorf("writing beside %s: %w", path, err)
	}
	_, err = file.Write(raw)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("writing beside %s: %w", path, err), os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// overwrite writes a file in place. A backup beside it is kept until the write has succeeded, or has been undone.
func overwrite(path string, raw []byte) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm() != private(info) {
		err = os.Chmod(path, private(info))
	}
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	old, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	backup, err := writeBeside(path, ".backup", old)
	if err != nil {
		return err
	}
	err = writeInto(path, raw)
	if err == nil {
		return os.Remove(backup)
	}
	if undone := writeInto(path, old); undone != nil {
		return fmt.Errorf("writing %s: %w; its old content is in %s", path, errors.Join(err, undone), backup)
	}
	return errors.Join(fmt.Errorf("writing %s: %w; it is unchanged", path, err), os.Remove(backup))
}

// writeInto truncates the file after writing and not before: its allocated space is needed to undo the write.
func writeInto(path string, raw []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err = file.Write(raw); err == nil {
		err = file.Truncate(int64(len(raw)))
	}
	return errors.Join(err, file.Sync(), file.Close())
}
