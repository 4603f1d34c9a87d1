//! Binds a compiled wasm module to JavaScript, as the program `wasm-bindgen` does, which need not be installed then. A program of
//! its own, so that `xtask` starts without what this is built from. It is always of the version of the library `wasm-bindgen`: both
//! want the one `wasm-bindgen-shared` of their version, and cargo allows no second.

use std::env;

use anyhow::{Result, bail};
use wasm_bindgen_cli_support::Bindgen;

const USAGE: &str = "usage: kairos-bindgen (web | worker) MODULE.wasm FOLDER NAME";

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [target, module, folder, name] = arguments.as_slice() else { bail!(USAGE) };
    let mut bindgen = Bindgen::new();
    match target.as_str() {
        // Whoever loads it need not say where the module is: beside its bindings.
        "web" => bindgen.web(true)?.typescript(true).omit_default_module_path(false),
        // A worker instance outlives a panic: it is told that the module is dead, and can start it anew (`edge/entry.js`).
        "worker" => bindgen.module(true)?.reset_state_function(true).force_enable_abort_handler(true),
        _ => bail!(USAGE),
    };
    bindgen.input_path(module).out_name(name).generate(folder)
}
