// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Package profile decides what a ClusterProfile says. It reads nothing, waits for nothing, and knows no clock but the time
// it is handed: the same facts give the same bytes, so a Cluster that did not change makes no new resourceVersion and wakes
// no consumer.
//
// An Inventory is compiled once (Compile); it then turns the Facts about one Cluster into two apply configurations, one for
// the profile (Profile) and one for its status (Status), each with the problems met on the way. What cannot be published is
// left out by itself and reported; the rest is published.
//
// The health of a spoke is what Cluster API says of it, and never more than that unless an Inventory trusts SpokeChecks:
//
//	Cluster                                             | ControlPlaneHealthy
//	----------------------------------------------------|----------------------------------
//	paused (its conditions are frozen)                  | Unknown  Paused
//	Cluster API is down (its conditions are stale)      | Unknown  ClusterAPIDown
//	no conditions, or control plane not initialized     | Unknown  NotReported
//	no controlPlaneRef, RemoteConnectionProbe=True      | True     ProbeSucceeded
//	ControlPlaneAvailable=False (with controlPlaneRef)  | False    ControlPlaneUnavailable
//	RemoteConnectionProbe=False or Unknown              | Unknown  ProbeFailed
//	ControlPlaneAvailable and RemoteConnectionProbe True | True     ProbeSucceeded
//	anything else                                       | Unknown  NotReported
//
// There is no hysteresis here: Cluster API's probe has a grace period of its own before RemoteConnectionProbe changes, and
// ControlPlaneAvailable is reported as it is.
//
// Where an Inventory trusts SpokeChecks, a fresh one changes some rows of that table (spoke_check.go):
//
//	Cluster API says                                    | SpokeCheck           | ControlPlaneHealthy
//	----------------------------------------------------|----------------------|----------------------
//	Paused, ClusterAPIDown or ProbeFailed: it is stale, | the spoke answers    | True     SpokeAnswers
//	and the control plane has been initialized          |                      |
//	ProbeSucceeded, which may be stale without a sign   | the spoke is silent  | Unknown  SpokeSilent
//	anything else                                       | any                  | what Cluster API says
//
// Here there is hysteresis, since a consumer has no grace period: the SpokeCheck and the profile must both have been steady for a
// minute. The times are those of their conditions, so that it survives restarts.
//
// What it refuses: credentials. Facts carry the endpoint of a kubeconfig, never a kubeconfig.
package profile
