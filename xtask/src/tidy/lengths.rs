//! Files and functions stay short enough to be read at a sitting.

use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, ItemFn, Signature, TraitItemFn};

use crate::tidy::breach::Breach;
use crate::tidy::sources::Source;

const LONGEST_FILE: usize = 400;
const MEDIAN_FILE: usize = 150;
const LONGEST_FUNCTION: usize = 60;

pub(crate) fn check(sources: &[Source]) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = sources.iter().filter(|source| source.is_code()).filter_map(check_file).collect();
    let rust: Vec<&Source> = sources.iter().filter(|source| source.is_rust()).collect();
    breaches.extend(rust.iter().flat_map(|source| check_functions(source)));
    breaches.extend(check_median(&rust));
    breaches
}

fn check_file(source: &Source) -> Option<Breach> {
    let lines = source.text.lines().count();
    let what = format!("{lines} lines, of {LONGEST_FILE} at most");
    (lines > LONGEST_FILE).then(|| Breach::new(source, lines, what, "split the file by what its parts are for"))
}

fn check_median(rust: &[&Source]) -> Option<Breach> {
    let mut lengths: Vec<(usize, &Source)> = rust.iter().map(|source| (source.text.lines().count(), *source)).collect();
    lengths.sort_by_key(|(lines, _)| *lines);
    let (median, source) = lengths.get(lengths.len() / 2)?;
    let what = format!("the median Rust file has {median} lines, of {MEDIAN_FILE} at most");
    (rust.len() > 1 && *median > MEDIAN_FILE)
        .then(|| Breach::new(source, 1, what, "split files by what their parts are for"))
}

fn check_functions(source: &Source) -> Vec<Breach> {
    let Ok(file) = syn::parse_file(&source.text) else {
        return vec![Breach::new(source, 1, "not Rust that can be parsed", "make it compile")];
    };
    let mut functions = LongFunctions { source, breaches: Vec::new() };
    functions.visit_file(&file);
    functions.breaches
}

/// Collects functions that are too long, from `fn` to the closing brace; attributes and documentation do not count.
struct LongFunctions<'a> {
    source: &'a Source,
    breaches: Vec<Breach>,
}

impl LongFunctions<'_> {
    fn measure(&mut self, signature: &Signature, block: &Block) {
        let start = signature.span().start().line;
        let end = Span::end(&block.brace_token.span.close()).line;
        let lines = end.saturating_sub(start) + 1;
        if lines > LONGEST_FUNCTION {
            let what = format!("`{}` has {lines} lines, of {LONGEST_FUNCTION} at most", signature.ident);
            self.breaches.push(Breach::new(self.source, start, what, "give its steps names of their own"));
        }
    }
}

impl<'ast> Visit<'ast> for LongFunctions<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(block) = &function.default {
            self.measure(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}
