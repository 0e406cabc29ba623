// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

// throttled returns a function that runs work at once, or, however often it is called meanwhile, once more when the last run has ended
// and its pause has passed. pause returns milliseconds.
export function throttled(work, pause) {
  let running = false;
  let again = false;
  return async function run() {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      await work();
    } finally {
      setTimeout(() => {
        running = false;
        if (again) {
          again = false;
          run();
        }
      }, pause());
    }
  };
}
