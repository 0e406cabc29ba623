// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

import { order } from "./dom.js";

// The pure part of the page: tiles in, groups and counts out.

const day = 86400000;

// fields are what a term such as version:v1.36 may name.
const fields = ["namespace", "name", "manager", "version", "region", "inventory", "state", "reason"];

const haystacks = new WeakMap();

// haystack returns the text of a tile that is searched.
function haystack(tile) {
  let text = haystacks.get(tile);
  if (text === undefined) {
    const pairs = [...Object.entries(tile.labels ?? {}), ...Object.entries(tile.properties ?? {})].map(([k, v]) => `${k}=${v}`);
    text = [tile.key, tile.displayName, tile.manager, tile.version, tile.region, tile.state, tile.reason, ...pairs]
      .join("\n").toLowerCase();
    haystacks.set(tile, text);
  }
  return text;
}

// valueOf returns the value of a field. The reason of a tile that is fine is not why anything is wrong.
function valueOf(tile, field) {
  return field === "reason" && tile.state === "fine" ? "" : tile[field] ?? "";
}

// parts returns the terms of a query as they are written. White space in quotes is part of a term.
const parts = (query) => query.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];

// matches returns whether a tile has a term: a field and the beginning of its value, or all of it after "=", or a part of any text.
function matches(term) {
  const colon = term.indexOf(":");
  const field = term.slice(0, Math.max(colon, 0)).toLowerCase();
  if (!fields.includes(field)) {
    const text = term.toLowerCase();
    return (tile) => haystack(tile).includes(text);
  }
  const value = term.slice(colon + 1);
  if (value.startsWith("=")) {
    return (tile) => valueOf(tile, field) === value.slice(1);
  }
  const start = value.toLowerCase();
  return (tile) => valueOf(tile, field).toLowerCase().startsWith(start);
}

// matcher returns whether a tile has all terms of a query.
export function matcher(query) {
  const terms = parts(query).map((part) => matches(part.replaceAll('"', "")));
  return (tile) => terms.every((term) => term(tile));
}

// termFor returns the term that finds the tiles with a value and no others; empty if the search cannot contain the value.
export function termFor(field, value) {
  if (/["\r\n]/.test(value)) {
    return "";
  }
  return `${field}:=${/\s/.test(value) ? `"${value}"` : value}`;
}

// narrowed returns a query with another term.
export function narrowed(query, term) {
  const terms = parts(query);
  if (terms.includes(term)) {
    return query;
  }
  // A quote that is not closed would have the new term within it.
  const open = (query.match(/"/g) ?? []).length % 2 === 1;
  return [...terms.slice(0, open ? -1 : undefined), ...(open ? [`${terms.at(-1)}"`] : []), term].join(" ");
}

// groupOf returns the group of a tile.
function groupOf(tile, by) {
  if (by === "none") {
    return "";
  }
  const colon = by.indexOf(":");
  const value = colon < 0 ? tile[by] : tile[by.slice(0, colon)]?.[by.slice(colon + 1)];
  return value || "(none)";
}

export const natural = new Intl.Collator("en", { numeric: true }).compare;

const rank = Object.fromEntries(order.map((state, i) => [state, i]));

// worstFirst compares two tiles by their states, and those of one state by their keys.
export function worstFirst(a, b) {
  return rank[a.state] - rank[b.state] || (a.key < b.key ? -1 : 1);
}

// count returns how many tiles have each state.
export function count(tiles) {
  const counts = Object.fromEntries(order.map((state) => [state, 0]));
  for (const tile of tiles) {
    counts[tile.state]++;
  }
  return counts;
}

// view returns what a view shows: the tiles that match, in groups, and those that would match without the choice of states.
export function view(tiles, { q, states, by }) {
  const matches = matcher(q);
  const found = [...tiles].filter(matches);
  const shown = states.length ? found.filter((tile) => states.includes(tile.state)) : found;
  const groups = new Map();
  for (const tile of shown) {
    const name = groupOf(tile, by);
    if (!groups.has(name)) {
      groups.set(name, []);
    }
    groups.get(name).push(tile);
  }
  const sorted = [...groups].map(([name, members]) => ({ name, tiles: members.sort(worstFirst), counts: count(members) }));
  sorted.sort((a, b) => (by === "state" ? rank[a.name] - rank[b.name] : natural(a.name, b.name)));
  return { found, shown, groups: sorted };
}

// groupings returns by what tiles can be grouped.
export function groupings(tiles) {
  const labels = new Set();
  const properties = new Set();
  for (const tile of tiles) {
    Object.keys(tile.labels ?? {}).forEach((key) => labels.add(key));
    Object.keys(tile.properties ?? {}).forEach((key) => properties.add(key));
  }
  return {
    labels: [...labels].sort().map((key) => `labels:${key}`),
    properties: [...properties].sort().map((key) => `properties:${key}`),
  };
}

// bars returns the values of a field with their numbers, the first the most frequent one.
export function bars(tiles, field) {
  const counts = new Map();
  for (const tile of tiles) {
    const value = valueOf(tile, field);
    if (value) {
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1] || natural(b[0], a[0]));
}

// versions returns the bars of the versions, the newest first.
export function versions(tiles) {
  return bars(tiles, "version").sort((a, b) => natural(b[0], a[0]));
}

const times = new WeakMap();

// timesOf returns when a tile has changed and when its access expires, in milliseconds; NaN for never.
function timesOf(tile) {
  let parsed = times.get(tile);
  if (parsed === undefined) {
    parsed = { changed: Date.parse(tile.changed), expires: Date.parse(tile.expires) };
    times.set(tile, parsed);
  }
  return parsed;
}

// expiring returns the tiles whose access expires within 30 days, the first one first.
export function expiring(tiles, now) {
  return tiles.filter((tile) => timesOf(tile).expires - now <= 30 * day).sort((a, b) => timesOf(a).expires - timesOf(b).expires);
}

// changes returns what has changed in the last hour: how much, and the last ones, the very last first. All else is not sorted: after an
// upgrade of the fleet it is every tile.
export function changes(tiles, removals, now, most) {
  const last = [];
  let number = 0;
  const add = (time, one) => {
    if (!(now - time < day / 24)) {
      return;
    }
    number++;
    if (last.length < most || time > last.at(-1).time) {
      const before = last.findIndex((other) => time > other.time);
      last.splice(before < 0 ? last.length : before, 0, { ...one, time });
      last.length = Math.min(last.length, most);
    }
  };
  for (const tile of tiles) {
    add(timesOf(tile).changed, tile);
  }
  for (const removal of removals) {
    add(Date.parse(removal.at), { key: removal.key, changed: removal.at, change: "deleted" });
  }
  return { number, last };
}
