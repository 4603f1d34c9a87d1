//! The paths that one file names, and what it imports. Not what they lead to.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, Macro, UseTree, Visibility};

/// A name in scope, and the path that it stands for.
pub(super) struct Import {
    pub(super) name: String,
    pub(super) path: Vec<String>,
    /// Whether others may use it through this module.
    pub(super) is_public: bool,
}

/// What a file says of other modules. Paths are relative to the file's own module, also where they stand in an inline one.
#[derive(Default)]
pub(super) struct Paths {
    /// The modules in files of their own that it declares.
    pub(super) declared: Vec<String>,
    pub(super) imports: Vec<Import>,
    pub(super) used: Vec<Vec<String>>,
    /// Inline modules around what is being read.
    depth: usize,
}

impl Paths {
    /// `None` when the text is no Rust.
    pub(super) fn read(text: &str) -> Option<Self> {
        let file = syn::parse_file(text).ok()?;
        let mut paths = Self::default();
        paths.visit_file(&file);
        Some(paths)
    }

    /// Takes the inline modules off a path that begins with `super`.
    fn relative_to_file(&self, path: Vec<String>) -> Vec<String> {
        let leading = path.iter().take(self.depth).take_while(|segment| *segment == "super").count();
        path.into_iter().skip(leading).collect()
    }

    fn import(&mut self, tree: &UseTree, before: &[String], is_public: bool) {
        let extended = |name: String| [before, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &extended(path.ident.to_string()), is_public),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before, is_public)),
            UseTree::Name(name) if name.ident == "self" => {
                self.add_import(before.last().cloned().unwrap_or_default(), before.to_vec(), is_public);
            }
            UseTree::Name(name) => {
                self.add_import(name.ident.to_string(), extended(name.ident.to_string()), is_public);
            }
            UseTree::Rename(rename) => {
                self.add_import(rename.rename.to_string(), extended(rename.ident.to_string()), is_public);
            }
            UseTree::Glob(_) => {}
        }
    }

    fn add_import(&mut self, name: String, path: Vec<String>, is_public: bool) {
        let path = self.relative_to_file(path);
        self.imports.push(Import { name, path, is_public });
    }

    /// The paths in the tokens of a macro, which nobody has parsed.
    fn scan(&mut self, tokens: TokenStream) {
        let (mut path, mut colons): (Vec<String>, usize) = (Vec::new(), 0);
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.finish(&mut path);
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.finish(&mut path);
                    self.scan(group.stream());
                }
                _ => self.finish(&mut path),
            }
        }
        self.finish(&mut path);
    }

    fn finish(&mut self, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        if !path.is_empty() {
            let path = self.relative_to_file(path);
            self.used.push(path);
        }
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute.meta.require_list().map(|list| list.tokens.to_string()).unwrap_or_default();
        attribute.path().is_ident("cfg") && condition == "test"
    })
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if is_for_tests(&module.attrs) {
            return;
        }
        if module.content.is_none() {
            self.declared.push(module.ident.to_string());
        } else {
            self.depth += 1;
            visit::visit_item_mod(self, module);
            self.depth -= 1;
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.import(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let segments = self.relative_to_file(segments);
        self.used.push(segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.scan(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}
