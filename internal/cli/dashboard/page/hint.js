// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

import { get } from "./stream.js";

// Hint is why there are no profiles, and what to do about it.
export class Hint {
  text = "";
  #changed;
  #asked = false;
  #request = 0;

  constructor(changed) {
    this.#changed = changed;
  }

  // ask asks for the text, unless it has been asked for since it became stale.
  ask() {
    if (this.#asked) {
      return;
    }
    this.#asked = true;
    const request = ++this.#request;
    get("/api/hint").then(({ hint }) => {
      if (request === this.#request) {
        this.text = hint;
        this.#changed();
      }
    }, () => {});
  }

  // expire makes the text stale. It is shown until there is another one.
  expire() {
    this.#asked = false;
  }
}
