// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

import { order } from "./dom.js";

// read returns the view that the URL names: a view can be shared with a user of the same hub.
export function read(text = location.search) {
  const query = new URLSearchParams(text);
  return {
    q: query.get("q") ?? "",
    states: (query.get("state") ?? "").split(",").filter((state) => order.includes(state)),
    by: query.get("by") ?? "namespace",
    size: query.get("size") ?? "",
    profile: query.get("profile") ?? "",
    inventory: query.get("inventory") ?? "",
  };
}

// write returns the query of a view, without its defaults.
export function write(view) {
  const query = new URLSearchParams();
  const set = (name, value) => value && query.set(name, value);
  set("q", view.q);
  set("state", view.states.join(","));
  set("by", view.by === "namespace" ? "" : view.by);
  set("size", view.size);
  set("profile", view.profile);
  set("inventory", view.inventory);
  return query.size ? `?${query}` : "";
}
