// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package leaks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Scan returns what gitleaks finds in texts, by their names, a sentence each, without the secret itself. It also decodes what is in base64.
// root is the folder of go.checks.mod.
func Scan(ctx context.Context, root string, texts map[string]string) ([]string, error) {
	dir, err := os.MkdirTemp("", "leaks-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for what is scanned: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("writing what is scanned: %w", err)
		}
	}
	command := exec.CommandContext(ctx, "go", "run", "-modfile=go.checks.mod", "github.com/zricethezav/gitleaks/v8", "dir", dir,
		"--no-banner", "--redact", "--log-level=error", "--exit-code=0", "--report-format=json", "--report-path=-")
	var stderr bytes.Buffer
	command.Dir, command.Stderr = root, &stderr
	report, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("running gitleaks: %w: %s", err, stderr.String())
	}
	var findings []struct {
		RuleID, File, Match string
		StartLine           int
	}
	if err := json.Unmarshal(report, &findings); err != nil {
		return nil, fmt.Errorf("reading the report of gitleaks: %w", err)
	}
	found := make([]string, 0, len(findings))
	for _, f := range findings {
		found = append(found, fmt.Sprintf("%s contain a %s in line %d: %.80s", filepath.Base(f.File), f.RuleID, f.StartLine, f.Match))
	}
	return found, nil
}
