// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

import { glyph, h, update, when } from "./dom.js";
import { bars, changes, expiring, termFor, versions } from "./model.js";

const most = 8; // rows of a list, and bars

function barList(title, field, values, search) {
  const longest = Math.max(...values.map(([, n]) => n), 1);
  const rows = values.slice(0, most).map(([value, n]) => {
    const bar = h("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--share", n / longest);
    const content = [bar, h("span", { class: "value" }, value), h("span", { class: "number" }, n)];
    const term = termFor(field, value);
    if (!term) {
      return h("li", {}, h("div", { class: "plain" }, content));
    }
    const label = `${value}: ${n} ${n === 1 ? "profile" : "profiles"}; search for them`;
    return h("li", {}, h("button", { type: "button", "aria-label": label, "data-key": term, onclick: () => search(term) }, content));
  });
  return section(title, values.length, rows.length ? h("ul", { class: "bars" }, rows) : null, values.length - most);
}

function section(title, number, content, more = 0) {
  return h("section", {},
    h("h2", {}, title, number ? h("span", { class: "number" }, ` ${number}`) : null),
    content ?? h("p", { class: "none" }, "None"),
    more > 0 ? h("p", { class: "none" }, `and ${more} more`) : null);
}

// opener returns a button that opens something. Its key is what the focus returns to.
function opener(list, name, open) {
  const key = `${list} ${name}`;
  return h("button", { type: "button", class: "value", "data-key": key, onclick: () => open(name, key) }, name);
}

function rows(list, entries, open) {
  return entries.length ? h("ul", { class: "rows" }, entries.map(({ key, state, gone, text, time }) => {
    const name = gone ? h("span", { class: "value" }, key) : opener(list, key, open);
    return h("li", {}, state ? glyph(state) : h("span", { class: "glyph", "aria-hidden": "true" }, "–"), name,
      h("span", { class: "time" }, time), h("span", { class: "text" }, text));
  })) : null;
}

function inventories(list, open) {
  return h("ul", { class: "rows" }, list.map((inventory) => {
    const { name, clusters, published, problems, more, ready, reason } = inventory;
    const state = ready === "True" ? (problems ? "expiring" : "fine") : ready === "False" ? "unhealthy" : "unknown";
    const text = ready ? `${published} of ${clusters} published${problems ? `, problems: ${problems}${more ? "+" : ""}` : ""}${
      ready === "True" ? "" : `, ${reason}`}` : "No publisher has processed it yet";
    return h("li", {}, glyph(state), opener("inventory", name, open),
      h("span", { class: "time" }, inventory.namespace ? `→ ${inventory.namespace}` : ""), h("span", { class: "text" }, text));
  }));
}

// summarize shows what the tiles have in common, and what has changed. Nothing is replaced while it would be the same.
export function summarize(root, { tiles, status, watched }, { search, open, openInventory }) {
  const now = Date.now();
  const reasons = bars(tiles, "reason");
  const soon = expiring(tiles, now);
  const recent = changes(tiles, status.removals ?? [], now, most);
  const parts = [
    barList("Reasons", "reason", reasons, search),
    section("Changed in the last hour", recent.number, rows("changed", recent.last.map(({ key, changed, change, state }) => (
      { key, state, gone: !state, text: change, time: when(changed) })), open), recent.number - most),
    section("Expires within 30 days", soon.length, rows("expires", soon.slice(0, most).map((tile) => (
      { key: tile.key, state: tile.state, text: tile.expiring, time: when(tile.expires) })), open), soon.length - most),
    barList("Versions", "version", versions(tiles), search),
    watched("Inventories") && section("Inventories", status.inventories.length,
      status.inventories.length ? inventories(status.inventories, openInventory) : null),
  ].filter(Boolean);
  update(root, parts, root);
}
