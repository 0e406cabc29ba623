// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// Shows tiles in one order after another, and returns the first fault; empty if there is none.
(async () => {
  const { Tiles } = await import("/tiles.js");
  const root = document.createElement("div");
  document.body.append(root);
  const tiles = new Tiles(root, () => {});
  const number = 1000;
  const all = Array.from({ length: number }, (_, i) => ({ key: `n/c-${i}`, name: `c-${i}`, state: "fine" }));
  const group = (name, list) => ({ name, tiles: list, counts: { fine: list.length } });
  const show = (list) => tiles.show([group("", list)]);
  const keys = () => [...root.querySelectorAll("button.tile")].map(({ dataset }) => dataset.key).join();
  const wanted = (list) => list.map(({ key }) => key).join();
  // random is the same in each run.
  let seed = 1;
  const random = (below) => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  const moved = (list, from, to) => {
    const [one] = list.splice(from, 1);
    list.splice(to, 0, one);
    return list;
  };
  const orders = {
    "as they are": all,
    "the last one is the first": moved([...all], number - 1, 0),
    "back again": all,
    "none": [],
    "all reversed": [...all].reverse(),
    "one of them": [all[500]],
    "every third": all.filter((_, i) => i % 3 === 0),
    "all again": all,
  };
  for (let i = 0; i < 50; i++) {
    const list = all.filter(() => random(10) > 0);
    for (let n = random(20); n > 0; n--) {
      moved(list, random(list.length), random(list.length));
    }
    orders[`random ${i}`] = list;
  }
  for (const [name, list] of Object.entries(orders)) {
    show(list);
    if (keys() !== wanted(list)) {
      return `${name}: the tiles are in another order`;
    }
  }

  show(all);
  tiles.focus("n/c-700");
  const observer = new MutationObserver(() => {});
  observer.observe(root, { childList: true, subtree: true });
  show(moved([...all], 700, 0));
  const additions = observer.takeRecords().reduce((sum, { addedNodes }) => sum + addedNodes.length, 0);
  const chunks = root.querySelectorAll(".chunk").length;
  const focus = () => document.activeElement.dataset.key;
  if (additions > chunks) {
    return `one tile went to another place, and ${additions} elements were moved in ${chunks} chunks`;
  }
  if (focus() !== "n/c-700") {
    return `the focus is on ${focus()}`;
  }
  tiles.show([group("a", all.slice(0, 600)), group("b", all.slice(600))]);
  tiles.show([group("a", all.slice(0, 800)), group("b", all.slice(800))]);
  const after = focus();
  root.remove();
  return after === "n/c-700" ? "" : `after a change of the group the focus is on ${after}`;
})();
