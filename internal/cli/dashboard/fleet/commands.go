// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"regexp"
	"slices"
	"strings"

	inventoryv1alpha1 "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/publish/profile"
)

// The resources as kubectl is to be given them: another API may have the short name, as Sveltos' ClusterProfiles do.
var (
	profileResource   = "clusterprofiles." + inventoryv1alpha1.Group
	checkResource     = "spokechecks." + v1alpha1.SchemeGroupVersion.Group
	inventoryResource = "inventories." + v1alpha1.SchemeGroupVersion.Group
)

// Command is a command line to copy.
type Command struct {
	What string `json:"what"`
	Line string `json:"line"`
}

// line returns a command line of kubectl with the flags of the hub.
func line(flags []string, words ...string) string {
	var line strings.Builder
	line.WriteString("kubectl")
	for _, word := range slices.Concat(words, flags) {
		line.WriteString(" " + quote(word))
	}
	return line.String()
}

// plain is what a shell takes as it is.
var plain = regexp.MustCompile(`^[-_./:=@%+,A-Za-z0-9]+$`)

// quote quotes a word for a shell of POSIX.
func quote(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func profileCommands(p *inventoryv1alpha1.ClusterProfile, flags []string) []Command {
	at := []string{"-n", p.Namespace}
	with := func(words ...string) string { return line(flags, append(words, at...)...) }
	commands := []Command{
		{What: "Probe the spoke from this machine", Line: with("inventory", "check", p.Name, "-o", "wide")},
		{What: "Explain every field", Line: with("inventory", "explain", "profile/"+p.Name)},
		{What: "Which consumers accept it, and how to fix the others", Line: with("inventory", "lint", p.Name, "-o", "wide")},
		{What: "Write a kubeconfig for the spoke", Line: with("inventory", "kubeconfig", p.Name, "--to", p.Name+".kubeconfig")},
		{What: "The ClusterProfile", Line: with("get", profileResource, p.Name, "-o", "yaml")},
		{What: "The SpokeCheck", Line: with("get", checkResource, p.Name, "-o", "yaml")},
	}
	if source, stamped := profile.LabelledCluster(p); stamped {
		cluster := line(flags, "describe", "clusters.cluster.x-k8s.io", source.Name, "-n", source.Namespace)
		commands = append(commands, Command{What: "The Cluster of Cluster API", Line: cluster})
	}
	return commands
}

func inventoryCommands(name string, flags []string) []Command {
	return []Command{
		{What: "The Inventory, with its problems", Line: line(flags, "get", inventoryResource, name, "-o", "yaml")},
		{
			What: "Why a Cluster is or is not published",
			Line: line(flags, "inventory", "explain", "cluster/NAME", "-n", "NAMESPACE"),
		},
	}
}
