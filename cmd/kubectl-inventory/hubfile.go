// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// noHub is the value of --plugin-kubeconfig for plugins that need no hub.
const noHub = "none"

// hubOfPlugins is the kubeconfig by which the plugins in a written kubeconfig find the hub; empty where they need none.
//
// A plugin that is not told reads what kubectl reads: the written file itself, as soon as somebody uses it. It would look
// for its Secret on the spoke, and need itself to get there. So it is told, and a file that would lead it astray is refused:
// the file that is written, whose current context may become a spoke's, and one whose current context is not the hub.
func (w *writer) hubOfPlugins() (string, error) {
	switch w.pluginKubeconfig {
	case noHub:
		return "", nil
	case "":
	default:
		path, err := filepath.Abs(w.pluginKubeconfig)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return "", fmt.Errorf("--plugin-kubeconfig: %w", err)
		}
		return path, nil
	}
	const instead = "; name a kubeconfig for them with --plugin-kubeconfig, or say none if they need no hub, or use --embed"
	if w.choosesContext() {
		return "", fmt.Errorf("--context: plugins know nothing of it, they take the current context%s", instead)
	}
	files, err := w.hubFiles()
	if err != nil {
		return "", err
	}
	if target, err := filepath.Abs(w.to); err == nil && w.to != "" && slices.ContainsFunc(files, func(file string) bool { return same(file, target) }) {
		return "", fmt.Errorf("--to: plugins find the hub by the current context of %s, which would no longer be the hub once a spoke's is used%s", w.to, instead)
	}
	return strings.Join(files, string(filepath.ListSeparator)), nil
}

// hubFiles are the files that the hub's kubeconfig is read from, none where it comes from elsewhere.
func (w *writer) hubFiles() ([]string, error) {
	access := w.config.ToRawKubeConfigLoader().ConfigAccess()
	candidates := access.GetLoadingPrecedence()
	if access.IsExplicitFile() {
		candidates = []string{access.GetExplicitFile()}
	}
	var files []string
	for _, candidate := range candidates {
		if _, err := os.Stat(candidate); err != nil {
			continue
		}
		path, err := filepath.Abs(candidate)
		if err != nil {
			return nil, fmt.Errorf("finding the hub's kubeconfig: %w", err)
		}
		files = append(files, path)
	}
	return files, nil
}

func same(a, b string) bool {
	one, errOne := os.Stat(a)
	other, errOther := os.Stat(b)
	return a == b || errOne == nil && errOther == nil && os.SameFile(one, other)
}
