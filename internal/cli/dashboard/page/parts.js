// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

import { copyable, glyph, h, table, when } from "./dom.js";

// part returns a section of the details; nothing if it is empty.
export function part(title, ...content) {
  const shown = content.flat().filter(Boolean);
  return shown.length ? h("section", {}, h("h3", {}, title), shown) : null;
}

export function list(texts) {
  return texts?.length ? h("ul", { class: "notes" }, texts.map((text) => h("li", {}, text))) : null;
}

// conditions returns a table of conditions. Which status is a good one depends on the type.
export function conditions(all) {
  const bad = ["Degraded", "Stalled", "Expiring"];
  return all.length && table("Conditions", ["Condition", "Status", "Since", "Reason and message"], all.map((condition) => {
    const good = condition.status === (bad.includes(condition.type) ? "False" : "True");
    const state = good ? "fine" : condition.status === "Unknown" ? "unknown" : "unhealthy";
    return [
      h("span", {}, condition.type, h("small", {}, condition.object)),
      h("span", { class: "nowrap" }, glyph(state), ` ${condition.status}`),
      h("span", { class: "nowrap" }, when(condition.since)),
      h("span", {}, condition.reason, condition.message ? h("small", {}, condition.message) : null),
    ];
  }));
}

export function commands(all) {
  return all.map(({ what, line }) => h("div", {}, h("p", { class: "what" }, what), copyable(line)));
}
