// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

import { h, update } from "./dom.js";
import { profile } from "./profile.js";
import { inventory } from "./inventory.js";
import { get } from "./stream.js";

// Details shows one profile or one Inventory in a dialog, which traps the focus and closes with Escape.
export class Details {
  #dialog;
  #title = h("h2", { id: "details-title" });
  #body = h("div", { class: "body" });
  #close;
  #shown = "";
  #request = 0;

  constructor(dialog, closed) {
    this.#dialog = dialog;
    dialog.addEventListener("close", () => {
      this.#shown = "";
      closed();
    });
    this.#close = h("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => dialog.close() }, "✕");
    dialog.replaceChildren(h("div", { class: "bar-title" }, this.#title, this.#close), this.#body);
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }

  // show shows what a view names, and closes the dialog if it names nothing.
  async show(view, refresh = false) {
    const wanted = view.profile ? `profile ${view.profile}` : view.inventory ? `inventory ${view.inventory}` : "";
    if (!wanted) {
      this.#dialog.open && this.#dialog.close();
      return;
    }
    if (wanted === this.#shown && !refresh) {
      return;
    }
    const request = ++this.#request;
    if (wanted !== this.#shown) {
      this.#shown = wanted;
      this.#replace(view.profile || view.inventory, h("p", { class: "none" }, "Loading…"));
    }
    if (!this.#dialog.open) {
      this.#dialog.showModal();
    }
    let body;
    try {
      body = view.profile ? await this.#profile(view.profile) : await this.#inventory(view.inventory);
    } catch (error) {
      body = [h("p", { class: "error", role: "alert" }, error.message)];
    }
    if (request === this.#request && wanted === this.#shown) {
      const top = this.#dialog.scrollTop;
      this.#replace(view.profile || view.inventory, ...body);
      this.#dialog.scrollTop = refresh ? top : 0;
    }
  }

  async #profile(key) {
    const slash = key.indexOf("/");
    return profile(await get("/api/profile", { namespace: key.slice(0, slash), name: key.slice(slash + 1) }));
  }

  async #inventory(name) {
    return inventory(await get("/api/inventory", { name }));
  }

  // #replace keeps the focus in the dialog: a live update must not take it from a user of the keyboard.
  #replace(title, ...body) {
    this.#title.textContent = title;
    update(this.#body, body, this.#close);
  }
}
