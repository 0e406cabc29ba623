// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// plan is what to measure.
type plan struct {
	// The numbers of what is measured: of Clusters with which the publisher is measured in full, on hubs of all shapes, and by a single
	// publication; of AccessGrants for the broker; and of spokes for the consumer.
	clusters, shapes, once, grants, spokes []int
	rounds                                 int
	concurrency                            int
	changes                                int
	rest, busy                             time.Duration
	publisher                              string
	broker                                 string
	consumer, plugin                       string
	flags                                  []string
}

// The numbers that are measured if none is given of anything.
var (
	defaultSizes      = []int{1000, 10000}
	defaultShapeSizes = []int{1000, 2000}
)

func parse(args []string) (plan, error) {
	p := plan{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	p.addSizes(flags)
	p.addPrograms(flags)
	flags.IntVar(&p.rounds, "rounds", 3, "How often raw, raw beside a watch, and the publisher each publish all Clusters.")
	flags.IntVar(&p.concurrency, "concurrency", 10, "How many requests at a time, of raw and of the publisher.")
	flags.IntVar(&p.changes, "changes", 100, "How many endpoints to change one after the other, at rest and in full passes.")
	flags.DurationVar(&p.rest, "rest", 70*time.Second, "How long a settled program rests before its memory is read; "+
		"the publisher gives memory back once a minute.")
	flags.DurationVar(&p.busy, "busy", time.Minute, "How long others write what the settled publisher watches.")
	if err := flags.Parse(args); err != nil {
		return p, err
	}
	p.flags = flags.Args()
	if p.subjects() == 0 {
		p.clusters, p.shapes, p.grants, p.spokes = defaultSizes, defaultShapeSizes, defaultSizes, defaultSizes
	}
	if p.rounds < 1 || p.concurrency < 1 || p.changes < 1 {
		return p, errors.New("-rounds, -concurrency and -changes: must be at least 1")
	}
	if len(p.flags) > 0 && p.subjects() > 1 {
		return p, errors.New(
			"arguments after --: need only one of -clusters, -shapes, -once, -grants and -spokes, whose program they are for",
		)
	}
	return p, nil
}

// addSizes adds the flags that say what is measured.
func (p *plan) addSizes(flags *flag.FlagSet) {
	for _, subject := range []struct {
		name, what string
		least      int
		sizes      *[]int
	}{
		{"clusters", "How many Clusters, for the publisher", 1, &p.clusters},
		{"shapes", "How many Clusters, for the publisher on hubs that have more of one thing", 1, &p.shapes},
		{"once", "How many Clusters, which are only published once and then found after a restart", 1, &p.once},
		{"grants", "How many AccessGrants, for the broker", 10, &p.grants},
		{"spokes", "How many spokes, for the consumer", 100, &p.spokes},
	} {
		usage := subject.what + ": one number, or several separated by commas. All but -once are measured if none of these flags is given."
		flags.Func(subject.name, usage, func(value string) (err error) {
			*subject.sizes, err = numbers(value, subject.least)
			return err
		})
	}
}

// addPrograms adds the flags that say where the programs are.
func (p *plan) addPrograms(flags *flag.FlagSet) {
	const flagsFollow = "; where only %s is measured, arguments after -- are flags for it."
	flags.StringVar(
		&p.publisher,
		"publisher",
		"bin/publisher",
		"The publisher's binary"+fmt.Sprintf(flagsFollow, "-clusters, -shapes or -once"),
	)
	flags.StringVar(&p.broker, "broker", "bin/broker", "The broker's binary"+fmt.Sprintf(flagsFollow, "-grants"))
	flags.StringVar(&p.consumer, "consumer", "bin/consumer", "The consumer's binary"+fmt.Sprintf(flagsFollow, "-spokes"))
	flags.StringVar(&p.plugin, "plugin", "bin/kubeconfig-secretreader", "The binary of upstream's plugin, which the consumer runs.")
}

// subjects is how many of these are measured.
func (p *plan) subjects() int {
	count := 0
	for _, sizes := range [][]int{p.clusters, p.shapes, p.once, p.grants, p.spokes} {
		count += min(len(sizes), 1)
	}
	return count
}

// numbers parses the value of a flag.
func numbers(value string, least int) ([]int, error) {
	var parsed []int
	for number := range strings.SplitSeq(value, ",") {
		n, err := strconv.Atoi(number)
		if err != nil || n < least {
			return nil, fmt.Errorf("%q is not a number of at least %d", number, least)
		}
		parsed = append(parsed, n)
	}
	return parsed, nil
}
