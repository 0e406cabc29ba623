// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package kubeconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// mode is that of every file that is created here: a kubeconfig lets its reader in.
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

// MergeInto puts contexts into the kubeconfig in a file, which is created where there is none. kubectl and everybody else who
// edits it by client-go is kept out meanwhile, by the lock that client-go takes. The file keeps its owner and its mode, but
// that nobody else may read it.
func MergeInto(path string, contexts []Context, replace bool) (outcome Outcome, err error) {
	names, err := namesOf(path)
	if err != nil {
		return Outcome{}, err
	}
	unlock, err := lockAll(names)
	if err != nil {
		return Outcome{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	// Where the name is a link, the file that it leads to is written.
	path = names[len(names)-1]
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
	return outcome, replaceContent(path, raw)
}
