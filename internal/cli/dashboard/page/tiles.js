// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

import { glyph, h, order, place, states } from "./dom.js";

// chunk is the number of tiles that the browser lays out together, or not at all while they are not visible.
const chunk = 120;

// arrange puts elements into the chunks of a list, in their order. A tile whose state has changed goes to another place: then one element
// of each chunk between the two places is moved, and not all.
function arrange(list, elements) {
  for (let i = 0, start = 0; start < elements.length; i++, start += chunk) {
    const part = elements.slice(start, start + chunk);
    const element = list.children[i] ?? list.appendChild(h("div", { class: "chunk" }));
    if (!element.children.length) {
      element.append(...part);
    } else {
      place(element, part);
    }
  }
  while (list.children.length > Math.ceil(elements.length / chunk)) {
    list.lastChild.remove();
  }}

// Tiles shows groups of tiles, and changes only the elements whose tiles have changed.
export class Tiles {
  #root;
  #open;
  #elements = new Map(); // key → { button, tile }
  #groups = new Map(); // name → { section, list, summary }
  #keys = [];

  constructor(root, open) {
    this.#root = root;
    this.#open = open;
    root.addEventListener("click", (event) => {
      const button = event.target.closest("button.tile");
      if (button) {
        this.#open(button.dataset.key);
      }
    });
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("focusin", (event) => event.target.matches("button.tile") && this.#rove(event.target));
  }

  show(groups) {
    const focused = document.activeElement;
    const names = new Set(groups.map(({ name }) => name));
    for (const [name, { section }] of this.#groups) {
      if (!names.has(name)) {
        section.remove();
        this.#groups.delete(name);
      }
    }
    const keys = new Set();
    groups.forEach((group, i) => {
      const shown = this.#group(group);
      if (this.#root.children[i] !== shown.section) {
        this.#root.insertBefore(shown.section, this.#root.children[i] ?? null);
      }
      group.tiles.forEach((tile) => keys.add(tile.key));
    });
    for (const key of this.#elements.keys()) {
      if (!keys.has(key)) {
        this.#elements.delete(key);
      }
    }
    this.#keys = [...keys];
    if (this.#keys.length && !this.#root.querySelector('button.tile[tabindex="0"]')) {
      this.#elements.get(this.#keys[0]).button.tabIndex = 0;
    }
    // An element that was moved has lost the focus.
    if (document.activeElement !== focused && this.#root.contains(focused)) {
      focused.focus({ preventScroll: true });
    }
  }

  focus(key) {
    this.#elements.get(key)?.button.focus();
  }

  #group({ name, tiles, counts }) {
    let group = this.#groups.get(name);
    if (!group) {
      const summary = h("p", { class: "counts" });
      const list = h("div", { class: "list" });
      const title = name ? h("h2", {}, name) : null;
      const section = h("section", { "aria-label": name || "All profiles" }, h("div", { class: "head" }, title, summary), list);
      group = { section, list, summary };
      this.#groups.set(name, group);
    }
    const text = order.filter((state) => counts[state]).map((state) => `${counts[state]} ${state}`).join(" · ");
    if (group.summary.textContent !== text) {
      group.summary.textContent = text;
    }
    arrange(group.list, tiles.map((tile) => this.#tile(tile)));
    return group;
  }

  // #tile returns the element of a tile, and changes it if the tile has changed.
  #tile(tile) {
    let entry = this.#elements.get(tile.key);
    if (!entry) {
      const button = h("button", { type: "button", tabindex: "-1", "data-key": tile.key });
      button.append(glyph(tile.state), h("span", { class: "name" }), h("span", { class: "note" }));
      entry = { button, tile: null };
      this.#elements.set(tile.key, entry);
    }
    if (entry.tile !== tile) {
      const [mark, name, note] = entry.button.children;
      entry.button.className = `tile ${tile.state}${tile.deleting ? " deleting" : ""}`;
      mark.className = `glyph ${tile.state}`;
      mark.textContent = states[tile.state];
      name.textContent = tile.displayName || tile.name;
      note.textContent = tile.state === "fine" ? tile.version ?? "" : tile.reason ?? tile.state;
      const label = `${tile.key}: ${tile.state}${tile.reason && tile.state !== "fine" ? `, ${tile.reason}` : ""}`;
      entry.button.setAttribute("aria-label", label);
      entry.button.title = tile.why && tile.state !== "fine" ? `${label}\n${tile.why}` : label;
      entry.tile = tile;
    }
    return entry.button;
  }

  // #rove makes a tile the only one that the Tab key reaches.
  #rove(button) {
    this.#root.querySelectorAll('button.tile[tabindex="0"]').forEach((other) => { other.tabIndex = -1; });
    button.tabIndex = 0;
  }

  #key(event) {
    const at = this.#keys.indexOf(event.target.dataset?.key);
    if (at < 0) {
      return;
    }
    const columns = () => {
      const siblings = [...event.target.parentElement.children];
      return siblings.filter((other) => other.offsetTop === siblings[0].offsetTop).length;
    };
    const last = this.#keys.length - 1;
    const to = {
      ArrowLeft: () => at - 1, ArrowRight: () => at + 1, ArrowUp: () => at - columns(), ArrowDown: () => at + columns(),
      Home: () => 0, End: () => last,
    }[event.key];
    if (to) {
      event.preventDefault();
      this.focus(this.#keys[Math.min(Math.max(to(), 0), last)]);
    }
  }
}
