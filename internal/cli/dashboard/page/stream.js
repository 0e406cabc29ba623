// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// connect keeps the fleet up to date. After an interruption everything is sent again, and what is not among it is removed.
export function connect(fleet, { changed, connected }) {
  const source = new EventSource("/api/stream");
  let seen = null;
  const on = (name, handle) => source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  on("reset", () => { seen = new Set(); });
  on("tiles", ({ put = [], gone = [] }) => {
    for (const tile of put) {
      fleet.tiles.set(tile.key, tile);
      seen?.add(tile.key);
    }
    gone.forEach((key) => fleet.tiles.delete(key));
    changed([...put.map((tile) => tile.key), ...gone]);
  });
  on("status", (status) => {
    fleet.status = status;
    changed([]);
  });
  on("complete", () => {
    const gone = [...fleet.tiles.keys()].filter((key) => !seen.has(key));
    gone.forEach((key) => fleet.tiles.delete(key));
    seen = null;
    fleet.complete = true;
    connected(true);
    changed(gone);
  });
  source.addEventListener("error", () => connected(false, source.readyState === EventSource.CLOSED));
}

// get returns the details of an object.
export async function get(path, parameters = {}) {
  const response = await fetch(`${path}?${new URLSearchParams(parameters)}`);
  const content = await response.json();
  if (!response.ok) {
    throw new Error(content.error ?? response.statusText);
  }
  return content;
}
