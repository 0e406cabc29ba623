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
	// clusters and grants are the numbers of them with which the publisher and the broker are measured.
	clusters, grants  []int
	rounds            int
	concurrency       int
	changes           int
	rest, busy        time.Duration
	publisher, broker string
	flags             []string
}

// defaultSizes are what is measured if no number is given.
const defaultSizes = "1000,10000"

func parse(args []string) (plan, error) {
	p := plan{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	clusters := flags.String("clusters", "", "How many Clusters, once for each number; "+defaultSizes+" if -grants is not given either.")
	grants := flags.String("grants", "", "How many AccessGrants, twice for each number; "+defaultSizes+" if -clusters is not given either.")
	flags.IntVar(&p.rounds, "rounds", 3, "How often raw, raw beside a watch, and the publisher each publish all Clusters.")
	flags.IntVar(&p.concurrency, "concurrency", 10, "How many requests at a time, of raw and of the publisher.")
	flags.IntVar(&p.changes, "changes", 100, "How many endpoints to change one after the other, at rest and in full passes.")
	flags.DurationVar(
		&p.rest,
		"rest",
		70*time.Second,
		"How long the settled publisher or broker rests before its memory is read; the publisher gives memory back once a minute.",
	)
	flags.DurationVar(&p.busy, "busy", time.Minute, "How long others write what the settled publisher watches.")
	flags.StringVar(&p.publisher, "publisher", "bin/publisher", "The publisher's binary; arguments after -- are flags for it.")
	flags.StringVar(&p.broker, "broker", "bin/broker", "The broker's binary; with -grants, arguments after -- are flags for it.")
	if err := flags.Parse(args); err != nil {
		return p, err
	}
	p.flags = flags.Args()
	if *clusters == "" && *grants == "" {
		*clusters, *grants = defaultSizes, defaultSizes
	}
	var errs [2]error
	p.clusters, errs[0] = numbers("-clusters", *clusters, 1)
	p.grants, errs[1] = numbers("-grants", *grants, 10)
	if err := errors.Join(errs[:]...); err != nil {
		return p, err
	}
	if p.rounds < 1 || p.concurrency < 1 || p.changes < 1 {
		return p, errors.New("-rounds, -concurrency and -changes: must be at least 1")
	}
	if len(p.flags) > 0 && len(p.clusters) > 0 && len(p.grants) > 0 {
		return p, errors.New("arguments after --: need either -clusters or -grants, whose program they are for")
	}
	return p, nil
}

// numbers parses the value of a flag; none if it is empty.
func numbers(name, value string, least int) ([]int, error) {
	var parsed []int
	for number := range strings.SplitSeq(value, ",") {
		if value == "" {
			break
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < least {
			return nil, fmt.Errorf("%s: %q is not a number of at least %d", name, number, least)
		}
		parsed = append(parsed, n)
	}
	return parsed, nil
}
