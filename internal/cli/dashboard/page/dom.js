// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// h makes an element. Texts are always text nodes, so nothing that a hub reports is parsed as HTML.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// states are all states, from the worst to the best, with the glyphs that show them beside their colours.
export const states = {
  unreachable: "✕",
  unhealthy: "!",
  expiring: "◷",
  stale: "…",
  unknown: "?",
  fine: "✓",
};

export const order = Object.keys(states);

export function glyph(state) {
  return h("span", { class: `glyph ${state}`, "aria-hidden": "true" }, states[state] ?? "?");
}

// place makes elements the only children of a parent, in their order. Where few have changed their places, few are moved.
export function place(parent, elements) {
  let current = parent.firstChild;
  for (const element of elements) {
    if (current && current !== element && current.nextSibling === element) {
      current.remove();
      current = element;
    }
    if (current === element) {
      current = current.nextSibling;
    } else {
      parent.insertBefore(element, current);
    }
  }
  while (parent.children.length > elements.length) {
    parent.lastChild.remove();
  }
}

const units = [["d", 86400], ["h", 3600], ["min", 60]];

// span returns a length of time in words, such as 3 d.
export function span(milliseconds) {
  const seconds = Math.abs(milliseconds) / 1000;
  const [unit, length] = units.find(([, length]) => seconds >= length) ?? ["s", 1];
  return `${Math.floor(seconds / length)} ${unit}`;
}

// relative returns how long ago or ahead a time is.
function relative(text) {
  const left = Date.parse(text) - Date.now();
  return left > 0 ? `in ${span(left)}` : `${span(left)} ago`;
}

// when returns an element with how long ago or ahead a time is, and the time itself for the pointer.
export function when(text) {
  return text ? h("time", { datetime: text, title: text }, relative(text)) : "";
}

// updateTimes updates the elements that when has returned.
export function updateTimes(root) {
  root.querySelectorAll("time[datetime]").forEach((element) => setText(element, relative(element.dateTime)));
}

// setText sets the text of an element if it differs: a screen reader may read it again each time that it is set.
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

// keyed returns the button with a data-key, which is that of the same thing after an update.
export function keyed(root, key) {
  return [...root.querySelectorAll("button[data-key]")].find((button) => button.dataset.key === key);
}

// update replaces the children of an element if they differ. The focus stays on the button with the same key, or else goes to fallback: by
// its place it would be on a button that does something else.
export function update(root, children, fallback) {
  const shown = [...root.childNodes];
  if (shown.length === children.length && children.every((child, i) => child.isEqualNode(shown[i]))) {
    return;
  }
  const focused = root.contains(document.activeElement) && document.activeElement !== root ? document.activeElement : null;
  root.replaceChildren(...children);
  if (focused) {
    (keyed(root, focused.dataset.key) ?? fallback).focus({ preventScroll: true });
  }
}

// copyable returns a command line with a button that copies it.
export function copyable(line) {
  const button = h("button", { type: "button", class: "copy", "aria-label": `Copy: ${line}`, "data-key": `copy ${line}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(line);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not permitted";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return h("div", { class: "command" }, h("code", {}, line), button);
}

// table returns a table; a row is a list of cells.
export function table(caption, headers, rows) {
  return h("div", { class: "scroll" }, h("table", {},
    h("caption", { class: "hidden" }, caption),
    h("thead", {}, h("tr", {}, headers.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)))))));
}
