// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

import { worstFirst } from "./model.js";

const restarted = "The dashboard was started again, and this page has the token of an earlier run: open the URL that it has printed.";

// connect keeps the fleet up to date. After an interruption everything is sent again, and what is not among it is removed. changed gets
// the keys of tiles, and touched those of profiles of which only the details have changed; status gets the status before.
export function connect(fleet, { changed, touched, status, connected }) {
  const source = new EventSource("/api/stream");
  let seen = null;
  // How many tiles have been added since arrange.
  let added = 0;
  // arrange puts the tiles into the order of the page: nearly sorted, they are sorted fast each time. A tile that changes keeps its place.
  const arrange = () => {
    fleet.tiles = new Map([...fleet.tiles].sort(([, a], [, b]) => worstFirst(a, b)));
    added = 0;
  };
  const on = (name, handle) => source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  on("reset", () => { seen = new Set(); });
  on("tiles", ({ put = [], gone = [], touched: renewed = [] }) => {
    for (const tile of put) {
      added += fleet.tiles.has(tile.key) ? 0 : 1;
      fleet.tiles.set(tile.key, tile);
      seen?.add(tile.key);
    }
    gone.forEach((key) => fleet.tiles.delete(key));
    // A page that was opened before the profiles were listed gets them after it is complete.
    if (seen === null && added > fleet.tiles.size / 10) {
      arrange();
    }
    if (put.length + gone.length > 0) {
      changed([...put.map((tile) => tile.key), ...gone]);
    }
    touched(renewed);
  });
  on("status", (now) => {
    const before = fleet.status;
    fleet.status = now;
    status(before);
  });
  on("complete", () => {
    const gone = [...fleet.tiles.keys()].filter((key) => !seen.has(key));
    gone.forEach((key) => fleet.tiles.delete(key));
    arrange();
    seen = null;
    fleet.complete = true;
    connected(true);
    changed(gone);
  });
  source.addEventListener("error", () => connected(false, source.readyState === EventSource.CLOSED));
}

// get returns the details of an object. What refuses a request before it is read does so in plain text.
export async function get(path, parameters = {}) {
  let response;
  try {
    response = await fetch(`${path}?${new URLSearchParams(parameters)}`);
  } catch {
    throw new Error("kubectl inventory dashboard does not respond.");
  }
  if (response.status === 401) {
    throw new Error(restarted);
  }
  if (!response.headers.get("Content-Type")?.startsWith("application/json")) {
    throw new Error(`The dashboard has responded with ${response.status} ${response.statusText}.`);
  }
  const content = await response.json();
  if (!response.ok) {
    throw new Error(content.error ?? response.statusText);
  }
  return content;
}
