// Where the platform enters the worker: requests go to the wasm module, and a module that died of a panic is started anew for the
// request after it. `cargo xtask` lays this file beside the module and its bindings, as edge/build/index.js. No decision about a
// request is taken here.
import * as edge from "./edge.js";

Error.stackTraceLimit = 100;

// Shared with the module, which notes its own panics here.
const state = edge.__worker_init_state();

function noteDeath(thrown) {
  if (thrown instanceof WebAssembly.RuntimeError) {
    console.error("Critical", thrown);
    state.criticalError = true;
  }
}

// What is thrown while a promise is waited for reaches nobody else.
addEventListener("error", (event) => noteDeath(event.error));

export default {
  fetch(request, env, context) {
    if (state.criticalError) {
      console.log("Starting the wasm module anew");
      edge.__wbg_reset_state();
      state.criticalError = false;
    }
    try {
      return edge.fetch(request, env, context);
    } catch (thrown) {
      noteDeath(thrown);
      throw thrown;
    }
  },
};
