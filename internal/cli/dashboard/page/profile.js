// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

import { glyph, h, table, when } from "./dom.js";
import { commands, conditions, list, part } from "./parts.js";

const verdicts = { yes: "fine", partly: "expiring", unseen: "unknown", no: "unreachable" };

function head({ tile }) {
  const since = tile.since ? h("span", { class: "since" }, when(tile.since)) : null;
  return h("div", { class: `headline ${tile.state}` },
    h("p", {}, glyph(tile.state), h("strong", {}, tile.state), tile.reason ? ` ${tile.reason}` : "", since),
    tile.why ? h("p", { class: "why" }, tile.why) : null,
    tile.deleting ? h("p", { class: "why" }, "The profile is being deleted.") : null);
}

function facts({ tile }) {
  const pairs = [["Name", tile.displayName], ["Manager", tile.manager], ["Version", tile.version], ["Region", tile.region],
    ["Inventory", tile.inventory], ["Expires", tile.expires && h("span", {}, `${tile.expiring} `, when(tile.expires))]];
  return h("dl", {}, pairs.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

// check shows the last check, with its stages and how long each took.
function check(last, unread) {
  if (!last) {
    return h("p", { class: "none" }, unread || "No consumer has checked the profile.");
  }
  const stages = (last.stages ?? []).map(({ name, milliseconds, failed }) => h("li", { class: failed ? "failed" : "passed" },
    h("span", { "aria-hidden": "true" }, failed ? "✕" : "✓"), ` ${name} `, h("small", {}, `${milliseconds} ms`),
    h("span", { class: "hidden" }, failed ? " failed" : " passed")));
  const facts = [["Checked", last.probed && when(last.probed)], ["Server", last.server], ["Provider", last.provider],
    ["User on the spoke", last.user], ["Version", last.version]];
  return [
    stages.length ? h("ol", { class: "stages", "aria-label": "Stages" }, stages) : null,
    last.stale ? h("p", { class: "why" }, "The consumer no longer renews the SpokeCheck; is it running?") : null,
    h("dl", {}, facts.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    last.expirations?.length && table("What expires", ["What", "When"], last.expirations.map(({ kind, time }) => [kind, when(time)])),
  ];
}

function providers(all) {
  return all.length && table("Access providers", ["Provider", "Server", "Certificate authority"], all.map((provider) => [
    h("span", {}, provider.name, provider.deprecated ? h("small", {}, "in credentialProviders, which is deprecated") : null),
    h("span", {}, provider.server, provider.proxy ? h("small", {}, `by the proxy ${provider.proxy}`) : null,
      provider.tlsServerName ? h("small", {}, `as ${provider.tlsServerName}`) : null),
    provider.authority ? "published" : "that of the system",
  ]));
}

function access(all) {
  return all?.length && table("Granted access", ["Provider", "User and roles", "Expires", "State"], all.map((one) => [
    one.provider,
    h("span", {}, one.user ?? "", one.roles ? h("small", {}, one.roles) : null),
    when(one.expires),
    h("span", {}, one.ready ?? "", one.awaited ? h("small", {}, one.awaited) : null),
  ]));
}

function consumers(all) {
  return table("Consumers", ["Consumer", "Accepts", "What to fix"], all.map(({ consumer, accepts, breaches = [] }) => [
    consumer,
    h("span", { class: "nowrap" }, glyph(verdicts[accepts]), ` ${accepts}`),
    breaches.map(({ rule, what, remedy }) => h("div", { class: "breach" }, h("strong", {}, rule), ` ${what}`, h("small", {}, remedy))),
  ]));
}

function fields(all) {
  return table("Fields", ["Field", "Value", "Source"], all.map(({ path, value, source, owners = [] }) => [
    h("code", {}, path), h("span", { class: "field" }, value),
    h("span", {}, source, owners.length ? h("small", {}, owners.join(", ")) : null),
  ]));
}

// profile returns the details of a profile.
export function profile(details) {
  const { report } = details;
  const explained = report.profiles?.[0] ?? { fields: [] };
  const unread = !details.check && explained.reachable;
  return [
    head(details),
    facts(details),
    part("Last check", check(details.check, unread)),
    part("Conditions", conditions(details.conditions)),
    part("Access providers", providers(details.providers)),
    part("Granted access", access(explained.access)),
    part("Left out", list(explained.leftOut?.map(({ reason, message }) => `${reason}: ${message}`))),
    part("Go on", commands(details.commands)),
    part("Consumers", consumers(details.consumers)),
    part("Where each field comes from", list(report.notes), explained.fields?.length > 0 && fields(explained.fields)),
    part("Inventories", report.placements?.length && table("Inventories", ["Inventory", "State", "Why"],
      report.placements.map(({ inventory, state, profile, why }) => [inventory, h("span", {}, state, profile ? h("small", {}, profile)
        : null), why]))),
    part("Not known", list(report.unread)),
  ].filter(Boolean);
}
