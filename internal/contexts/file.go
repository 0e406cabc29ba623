// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package contexts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// mode is that of every file written here: a kubeconfig lets its reader in.
const mode = 0o600

// Create writes a kubeconfig to a file that must not exist yet.
func Create(path string, contexts []Context) (Outcome, error) {
	config := clientcmdapi.NewConfig()
	outcome, err := Merge(config, contexts, false)
	if err != nil {
		return Outcome{}, err
	}
	raw, err := clientcmd.Write(*config)
	if err != nil {
		return Outcome{}, fmt.Errorf("encoding a kubeconfig: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return Outcome{}, err
	}
	if _, err := file.Write(raw); err != nil {
		return Outcome{}, errors.Join(fmt.Errorf("writing %s: %w", path, err), file.Close(), os.Remove(path))
	}
	return outcome, file.Close()
}

// MergeInto puts contexts into the kubeconfig in a file, which is created where there is none. The file is never half
// written: a new one takes its place. kubectl and whoever else edits it is kept out meanwhile, by the lock that client-go
// takes, too.
func MergeInto(path string, contexts []Context, replace bool) (outcome Outcome, err error) {
	// Where the file is a link, the place it leads to is written to.
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	unlock, err := lock(path)
	if err != nil {
		return Outcome{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	config, err := clientcmd.LoadFromFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Create(path, contexts)
	} else if err != nil {
		return Outcome{}, fmt.Errorf("%s is no kubeconfig to merge into: %w", path, err)
	}
	if outcome, err = Merge(config, contexts, replace); err != nil {
		return Outcome{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(outcome.Added)+len(outcome.Replaced) == 0 {
		return outcome, nil
	}
	raw, err := clientcmd.Write(*config)
	if err != nil {
		return Outcome{}, fmt.Errorf("encoding a kubeconfig: %w", err)
	}
	return outcome, substitute(path, raw)
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

// substitute puts a new file in the place of one.
func substitute(path string, raw []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".") // of mode 0600
	if err != nil {
		return fmt.Errorf("writing beside %s: %w", path, err)
	}
	_, err = file.Write(raw)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), os.Remove(file.Name()))
	}
	return nil
}
