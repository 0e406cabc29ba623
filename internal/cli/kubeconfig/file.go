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

// mode is the mode of every file that is created here: a kubeconfig may contain credentials.
const mode = 0o600

// Create writes a kubeconfig to a new file, and fails if the file exists.
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

// MergeInto merges contexts into the kubeconfig in a file, which is created if it does not exist. It holds client-go's lock of the
// file, so that kubectl does not edit it meanwhile. The file keeps its owner and its mode, without the permissions of others.
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
	// If the name is a link, its target is written.
	path = names[len(names)-1]
	config, err := clientcmd.LoadFromFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Create(path, contexts)
	} else if err != nil {
		return Outcome{}, fmt.Errorf("%s is not a kubeconfig: %w", path, err)
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
