// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

import { Details } from "./details.js";
import { glyph, h, keyed, order, setText, updateTimes } from "./dom.js";
import { Hint } from "./hint.js";
import { count, groupings, narrowed, view as viewOf } from "./model.js";
import { connect, get } from "./stream.js";
import { summarize } from "./summary.js";
import { throttled } from "./throttle.js";
import { Tiles } from "./tiles.js";
import { read, write } from "./url.js";

const at = (id) => document.getElementById(id);
const fleet = { tiles: new Map(), status: { kinds: [], inventories: [], removals: [] }, complete: false };
const link = { up: false, ended: false };
// many is from how many tiles on they are shown as a grid, unless the URL has a size.
const many = 400;
let view = read();
// opener is the key of the button of the summary that has opened the details; empty if that was a tile, or the URL.
let opener = "";
const hint = new Hint(schedule);

const details = new Details(at("details"), () => {
  const { profile, inventory } = view;
  go({ profile: "", inventory: "" });
  const button = keyed(at("summary"), opener || `inventory ${inventory}`);
  opener = "";
  if (button) {
    button.focus();
  } else {
    tiles.focus(profile);
  }
});
const tiles = new Tiles(at("fleet"), (key) => open({ profile: key, inventory: "" }));

function open(what, by = "") {
  opener = by;
  go(what);
}

// go changes the view and its URL. What is opened can be left by the browser's Back.
function go(change) {
  const opened = ["profile", "inventory"].some((what) => change[what] && change[what] !== view[what]);
  view = { ...view, ...change };
  history[opened ? "pushState" : "replaceState"](null, "", location.pathname + write(view));
  schedule();
  details.show(view);
}

addEventListener("popstate", () => {
  view = read();
  schedule();
  details.show(view);
});

let scheduled = false;
function schedule() {
  if (!scheduled) {
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      render();
    });
  }
}

const kind = (name) => fleet.status.kinds.find((k) => k.kind === name) ?? { state: "loading" };
// ready means that the tiles have the states that they will keep: not before the SpokeChecks are there, or will not be.
const ready = () => fleet.complete && ["ClusterProfiles", "SpokeChecks"].every((name) => kind(name).state !== "loading");

function render() {
  const isReady = ready();
  at("fleet").setAttribute("aria-busy", String(!isReady));
  banners();
  controls();
  if (!isReady) {
    return;
  }
  const all = [...fleet.tiles.values()];
  const { found, shown, groups } = viewOf(all, view);
  const size = view.size || (all.length > many ? "grid" : "names");
  at("fleet").className = size;
  at("size").value = size;
  stateButtons(found);
  tiles.show(groups);
  summarize(at("summary"), { tiles: found, status: fleet.status, watched: (name) => kind(name).state === "live" },
    { search: narrow, open: (profile, by) => open({ profile, inventory: "" }, by),
      openInventory: (inventory, by) => open({ inventory, profile: "" }, by) });
  const number = shown.length === all.length ? `${all.length}` : `${shown.length} of ${all.length}`;
  setText(at("live"), `${number} ${all.length === 1 ? "profile" : "profiles"}`);
  document.title = `Fleet: ${all.length - count(all).fine} of ${all.length} not fine`;
  empty(all.length, shown.length);
}

// empty says why there is nothing to see.
function empty(all, shown) {
  at("empty")?.remove();
  const { state } = kind("ClusterProfiles");
  if (shown > 0 || all === 0 && state !== "live" && state !== "absent") {
    return;
  }
  if (all > 0) {
    at("fleet").append(h("p", { id: "empty", class: "none" }, "No profile matches. ",
      h("button", { type: "button", onclick: () => go({ q: "", states: [] }) }, "Show all")));
    return;
  }
  at("fleet").append(h("p", { id: "empty", class: "hint" }, hint.text || "There are no ClusterProfiles."));
  hint.ask();
}

function banner(id, title, text) {
  return h("div", { class: "banner", "data-kind": id }, h("strong", {}, title), text ? h("span", {}, ` ${text}`) : null);
}

// banners says what is not known: the reader must not take it for what is so.
function banners() {
  const shown = [];
  if (!link.up && fleet.complete) {
    shown.push(banner("command", link.ended ? "The dashboard was started again: open the URL that it has printed."
      : "kubectl inventory dashboard does not respond.", "What you see is what was last known."));
  }
  const away = fleet.status.kinds.filter((k) => k.state === "away");
  if (away.length) {
    shown.push(banner("away", "The hub does not respond; trying again. What you see is what was last known.", away[0].error));
  }
  for (const k of fleet.status.kinds) {
    if (k.state === "forbidden") {
      shown.push(banner(k.kind, `You may not watch ${k.kind}, so they are not shown.`, k.error));
    } else if (k.state === "absent" && k.kind === "ClusterProfiles") {
      shown.push(banner(k.kind, "The hub does not serve ClusterProfiles."));
    }
  }
  const root = at("banners");
  if (root.children.length !== shown.length || shown.some((one, i) => !one.isEqualNode(root.children[i]))) {
    root.replaceChildren(...shown);
  }
}

function stateButtons(found) {
  const counts = count(found);
  const root = at("states");
  if (!root.children.length) {
    root.append(...order.map((state) => h("button", { type: "button", class: `state ${state}`, "data-state": state, onclick: () => {
      const chosen = view.states.includes(state) ? view.states.filter((other) => other !== state) : [...view.states, state];
      go({ states: chosen });
    } }, glyph(state), h("span", { class: "number" }), ` ${state}`)));
  }
  for (const button of root.children) {
    const { state } = button.dataset;
    button.querySelector(".number").textContent = counts[state];
    button.setAttribute("aria-pressed", String(view.states.includes(state)));
    button.classList.toggle("zero", counts[state] === 0);
  }
}

// controls shows the view in the controls.
function controls() {
  if (at("search").value !== view.q && document.activeElement !== at("search")) {
    at("search").value = view.q;
  }
  const by = at("by");
  const { labels, properties } = groupings(fleet.tiles.values());
  const values = ["namespace", "manager", "version", "region", "inventory", "state", "none", ...labels, ...properties];
  if (!values.includes(view.by)) {
    values.push(view.by);
  }
  if (values.join() !== [...by.options].map((option) => option.value).join()) {
    const name = (value) => value.replace(/^labels:/, "label ").replace(/^properties:/, "property ");
    by.replaceChildren(...values.map((value) => h("option", { value }, name(value))));
  }
  by.value = view.by;
}

// narrow adds a term to the search. The summary has counted what the search finds in all states, so all are shown.
function narrow(term) {
  const q = narrowed(view.q, term);
  at("search").value = q;
  go({ q, states: [] });
}

at("search").addEventListener("input", (event) => go({ q: event.target.value }));
at("by").addEventListener("change", (event) => go({ by: event.target.value }));
at("size").addEventListener("change", (event) => go({ size: event.target.value }));
addEventListener("keydown", (event) => {
  if (event.key === "/" && !at("details").open && !event.target.matches("input, select")) {
    event.preventDefault();
    at("search").focus();
  }
});

// refresh reads open details again. For an Inventory the hub lists all Clusters.
const refresh = throttled(() => details.show(view, true), () => (view.inventory ? 5000 : 1000));
const isOpen = (key) => key === view.profile || view.inventory !== "" && fleet.tiles.get(key)?.inventory === view.inventory;
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

connect(fleet, {
  changed: (keys) => {
    if (fleet.tiles.size > 0) {
      hint.expire();
    }
    schedule();
    if (keys.some(isOpen)) {
      refresh();
    }
  },
  touched: (keys) => {
    if (keys.includes(view.profile)) {
      refresh();
    }
  },
  status: (before) => {
    if (!same(before.kinds, fleet.status.kinds) || !same(before.inventories, fleet.status.inventories)) {
      hint.expire();
    }
    schedule();
    // Both kinds of details show what Inventories say.
    if (view.profile || view.inventory) {
      refresh();
    }
  },
  connected: (up, ended) => {
    Object.assign(link, { up, ended });
    schedule();
  },
});
get("/api/about").then(({ hub, namespace }) => {
  at("hub").textContent = namespace ? `${hub}, namespace ${namespace}` : hub;
}, () => {});
// Times such as "3 min ago" pass.
setInterval(() => {
  updateTimes(at("details"));
  schedule();
}, 30000);
details.show(view);
