// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

import { glyph, h, table } from "./dom.js";
import { commands, conditions, list, part } from "./parts.js";

const states = { Published: "fine", NotSelected: "unknown", Unknown: "unknown", Pending: "expiring", Withdrawing: "expiring" };

function members({ members, counts }) {
  const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const text = Object.entries(counts).map(([state, n]) => `${n} ${state}`).join(" · ");
  return [
    h("p", { class: "counts" }, text),
    total > 0 && table("Clusters", ["Cluster", "State", "Why"], members.map(({ cluster, state, profile, why }) => [
      cluster,
      h("span", { class: "nowrap" }, glyph(states[state] ?? "unhealthy"), ` ${state}`, profile ? h("small", {}, profile) : null),
      why,
    ])),
    total > members.length && h("p", { class: "none" }, `and ${total - members.length} more`),
  ];
}

// inventory returns the details of an Inventory.
export function inventory(details) {
  const { summary, problems } = details;
  const pairs = [["Selects", details.selectors.join(", ")], ["Publishes into", summary.namespace || "the namespace of each Cluster"],
    ["Clusters", summary.clusters], ["Published", summary.published]];
  return [
    h("dl", {}, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    part("Problems", problems.length && table("Problems", ["Cluster", "Problem"], problems.map(({ cluster, reason, message }) => [
      cluster, h("span", {}, reason, h("small", {}, message)),
    ])), summary.more && h("p", { class: "none" }, "These are the first ones; the condition Degraded has the number of all.")),
    part("Conditions", conditions(details.conditions)),
    part("Clusters", details.members.length ? members(details) : null),
    part("Not known", list(details.unread)),
    part("Go on", commands(details.commands)),
  ].filter(Boolean);
}
