//! The modules of a crate and what each of them names, as `syn` reads its sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;

use syn::buffer::{Cursor, TokenBuffer};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, Meta, Path, UseTree};

/// A path, segment by segment. In a source the first may be `crate`, `self` or `super`, or empty for a leading `::`.
pub(super) type Segments = Vec<String>;

/// A module, in a file of its own or inside one.
#[derive(Debug, Default)]
struct Module {
    /// Relative to the crate's folder of sources.
    file: String,
    uses: Vec<Use>,
    /// Paths that stand elsewhere than in a `use`.
    inline: Vec<Segments>,
    /// What is defined in it, submodules excepted.
    items: BTreeSet<String>,
}

#[derive(Debug)]
struct Use {
    path: Segments,
    /// What it is called from here on. Nothing for `*`.
    name: Option<String>,
    /// Handed on, `pub use`, to whoever names this module.
    handed_on: bool,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// Something of this crate: the module that defines it, and those that hand it on in between, by their paths.
    Inside {
        module: Segments,
        through: Vec<Segments>,
    },
    /// A name of another crate, or one that is in scope in another way.
    Outside(String),
}

/// Something that a file names.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrow {
    /// Relative to the crate's folder of sources.
    pub(super) from: String,
    pub(super) target: Target,
    /// It only hands on what it names.
    pub(super) handed_on: bool,
}

/// All modules of a crate.
#[derive(Debug)]
pub(super) struct Crate {
    name: &'static str,
    modules: BTreeMap<Segments, Module>,
}

impl Crate {
    /// Reads a folder of sources.
    pub(super) fn read(name: &'static str, root: &FilePath) -> Self {
        let mut found = BTreeMap::new();
        read_folder(root, root, &mut found);
        Self::of(name, &found)
    }

    /// Takes sources by their paths.
    pub(super) fn of(name: &'static str, sources: &BTreeMap<String, String>) -> Self {
        let mut modules = BTreeMap::new();
        for (path, source) in sources {
            let parsed = syn::parse_file(source).unwrap_or_else(|error| panic!("{path}: {error}"));
            let mut reader = Reader {
                file: path,
                at: module_of(path),
                modules: &mut modules,
            };
            reader.open_module();
            reader.visit_file(&parsed);
        }
        Self { name, modules }
    }

    /// The file in which a module stands.
    pub(super) fn file_of(&self, module: &[String]) -> Option<&str> {
        let found = self.modules.get(module)?;
        Some(&found.file)
    }

    /// Every file.
    pub(super) fn files(&self) -> BTreeSet<&str> {
        self.modules
            .values()
            .map(|module| module.file.as_str())
            .collect()
    }

    /// Everything that the files name, each once.
    pub(super) fn arrows(&self) -> BTreeSet<Arrow> {
        let mut arrows = BTreeSet::new();
        for (path, module) in &self.modules {
            let mut add = |target, handed_on| {
                arrows.insert(Arrow {
                    from: module.file.clone(),
                    target,
                    handed_on,
                });
            };
            for (index, used) in module.uses.iter().enumerate() {
                add(
                    self.resolve(path, &used.path, Some(index), 0),
                    used.handed_on,
                );
            }
            for inline in &module.inline {
                // A single lower-case word is a variable more often than anything else; what a `use` brought is known.
                let target = match inline.as_slice() {
                    [word] if !starts_upper(word) => Target::Outside(word.clone()),
                    _ => self.resolve(path, inline, None, 0),
                };
                add(target, false);
            }
        }
        arrows
    }

    /// Follows a path that stands in a module. `index` is the `use` that it belongs to, which it does not see itself.
    fn resolve(&self, at: &[String], path: &[String], index: Option<usize>, depth: u8) -> Target {
        let outside =
            || Target::Outside(path.iter().find(|word| !word.is_empty()).unwrap().clone());
        // A `use` of a name that is called like its crate would turn in circles.
        if depth > 12 {
            return outside();
        }
        let mut here = at.to_vec();
        let mut rest = path;
        match path[0].as_str() {
            "crate" => (here, rest) = (Vec::new(), &path[1..]),
            "self" | "super" => {
                while let Some(word) = rest.first() {
                    match word.as_str() {
                        "self" => {}
                        "super" => drop(here.pop()),
                        _ => break,
                    }
                    rest = &rest[1..];
                }
            }
            "" if path[1] == self.name => (here, rest) = (Vec::new(), &path[2..]),
            "" => return outside(),
            first => {
                let in_scope = self.member(&here, first, index, depth, true);
                return match in_scope {
                    Some(Target::Inside { module, through }) => {
                        self.walk(module, through, &path[1..], depth)
                    }
                    Some(elsewhere) => elsewhere,
                    None if first == self.name => {
                        self.walk(Vec::new(), Vec::new(), &path[1..], depth)
                    }
                    None => outside(),
                };
            }
        }
        self.walk(here, Vec::new(), rest, depth)
    }

    /// Follows the rest of a path from a module on.
    fn walk(
        &self,
        mut module: Segments,
        mut through: Vec<Segments>,
        rest: &[String],
        depth: u8,
    ) -> Target {
        for word in rest {
            match self.member(&module, word, None, depth, false) {
                Some(Target::Inside {
                    module: next,
                    through: between,
                }) => {
                    if next == module {
                        break;
                    }
                    through.push(module);
                    through.extend(between);
                    module = next;
                }
                Some(outside) => return outside,
                // A member of a type, or something that is not there.
                None => break,
            }
        }
        Target::Inside { module, through }
    }

    /// What a name means in a module; `own` is for those who stand in it, and see what it does not hand on.
    fn member(
        &self,
        at: &[String],
        word: &str,
        except: Option<usize>,
        depth: u8,
        own: bool,
    ) -> Option<Target> {
        let child: Segments = at.iter().cloned().chain([word.to_owned()]).collect();
        let inside = |module: Segments| Target::Inside {
            module,
            through: Vec::new(),
        };
        if self.modules.contains_key(&child) {
            return Some(inside(child));
        }
        let module = self.modules.get(at)?;
        let uses = module.uses.iter().enumerate();
        for (index, used) in uses.clone().filter(|(index, _)| Some(*index) != except) {
            if used.name.as_deref() == Some(word) {
                return Some(self.resolve(at, &used.path, Some(index), depth + 1));
            }
        }
        if module.items.contains(word) {
            return Some(inside(at.to_vec()));
        }
        for (index, used) in uses.filter(|(index, _)| Some(*index) != except) {
            // Whoever stands within sees all that a glob brought; others what it hands on.
            if used.name.is_none() && (own || used.handed_on) && depth < 12 {
                let target = self.resolve(at, &used.path, Some(index), depth + 1);
                if let Target::Inside { module, .. } = target
                    && module != at
                    && let Some(found) = self.member(&module, word, None, depth + 1, own)
                {
                    return Some(found);
                }
            }
        }
        None
    }
}

fn starts_upper(word: &str) -> bool {
    word.starts_with(char::is_uppercase)
}

fn read_folder(root: &FilePath, folder: &FilePath, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_folder(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(root).unwrap().to_str().unwrap();
            let source = std::fs::read_to_string(&path).unwrap();
            found.insert(relative.replace('\\', "/"), source);
        }
    }
}

/// The path of the module that a file is.
fn module_of(file: &str) -> Segments {
    let path = file.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "lib" => Vec::new(),
        _ => path.split('/').map(str::to_owned).collect(),
    }
}

/// Collects what one file names, module by module.
struct Reader<'a> {
    file: &'a str,
    /// The module that is being read.
    at: Segments,
    modules: &'a mut BTreeMap<Segments, Module>,
}

impl Reader<'_> {
    fn open_module(&mut self) {
        let module = self.modules.entry(self.at.clone()).or_default();
        module.file = self.file.to_owned();
    }

    fn module(&mut self) -> &mut Module {
        self.modules.get_mut(&self.at).unwrap()
    }

    fn add_inline(&mut self, path: Segments) {
        if !matches!(path.as_slice(), [word] if word == "self" || word == "Self" || word == "crate" || word == "super")
        {
            self.module().inline.push(path);
        }
    }

    fn add_use(&mut self, before: &Segments, tree: &UseTree, handed_on: bool) {
        let mut path = before.clone();
        let name = match tree {
            UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                return self.add_use(&path, &inner.tree, handed_on);
            }
            UseTree::Group(group) => {
                for inner in &group.items {
                    self.add_use(before, inner, handed_on);
                }
                return;
            }
            UseTree::Glob(_) => None,
            UseTree::Name(inner) if inner.ident == "self" => path.last().cloned(),
            UseTree::Name(inner) => {
                path.push(inner.ident.to_string());
                path.last().cloned()
            }
            UseTree::Rename(inner) => {
                if inner.ident != "self" {
                    path.push(inner.ident.to_string());
                }
                Some(inner.rename.to_string())
            }
        };
        self.module().uses.push(Use {
            path,
            name,
            handed_on,
        });
    }

    /// Walks tokens that `syn` does not parse, those of a macro, and takes whatever looks like a path.
    fn walk_tokens(&mut self, mut cursor: Cursor<'_>, in_attribute: bool) {
        // One dot comes before a field or a method, two before a path or an end.
        let mut dots = 0;
        while !cursor.eof() {
            if let Some((path, next)) = path_at(cursor) {
                if dots != 1 {
                    self.add_token_path(path, next);
                }
                (cursor, dots) = (next, 0);
                continue;
            }
            if let Some((inner, _, _, next)) = cursor.any_group() {
                self.walk_tokens(inner, in_attribute);
                (cursor, dots) = (next, 0);
                continue;
            }
            if in_attribute && let Some((literal, _)) = cursor.literal() {
                self.add_written(&literal.to_string());
            }
            dots = match cursor.punct() {
                Some((sign, _)) if sign.as_char() == '.' => dots + 1,
                _ => 0,
            };
            match cursor.token_tree() {
                Some((_, next)) => cursor = next,
                None => break,
            }
        }
    }

    /// A path among tokens, with the names in the braces behind it, if it is a `use` of several.
    fn add_token_path(&mut self, path: Segments, next: Cursor<'_>) {
        let braces = colons_at(next).and_then(Cursor::any_group);
        let Some((mut inner, ..)) = braces else {
            return self.add_inline(path);
        };
        while !inner.eof() {
            if let Some((more, next)) = path_at(inner) {
                let joined: Segments = path.iter().cloned().chain(more).collect();
                self.add_token_path(joined, next);
                inner = next;
            } else if let Some((_, next)) = inner.token_tree() {
                inner = next;
            }
        }
    }

    /// A path that an attribute writes as a string, as serde's `with` does.
    fn add_written(&mut self, literal: &str) {
        let text = literal.trim_matches('"');
        if text.contains("::")
            && let Ok(path) = syn::parse_str::<Path>(text)
        {
            self.add_inline(segments(&path));
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let name = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            Item::Union(item) => Some(&item.ident),
            Item::Macro(item) => item.ident.as_ref(),
            _ => None,
        };
        if let Some(name) = name {
            let name = name.to_string();
            self.module().items.insert(name);
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        for attribute in &item.attrs {
            self.visit_attribute(attribute);
        }
        if let Some((_, items)) = &item.content {
            self.at.push(item.ident.to_string());
            self.open_module();
            for item in items {
                self.visit_item(item);
            }
            self.at.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let handed_on = !matches!(item.vis, syn::Visibility::Inherited);
        let before = match item.leading_colon {
            Some(_) => vec![String::new()],
            None => Vec::new(),
        };
        self.add_use(&before, &item.tree, handed_on);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        let name = item
            .rename
            .as_ref()
            .map_or(&item.ident, |(_, rename)| rename);
        self.module().uses.push(Use {
            path: vec![String::new(), item.ident.to_string()],
            name: Some(name.to_string()),
            handed_on: false,
        });
    }

    fn visit_path(&mut self, path: &'ast Path) {
        self.add_inline(segments(path));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        self.visit_path(&item.path);
        self.walk_tokens(TokenBuffer::new2(item.tokens.clone()).begin(), false);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        self.visit_path(attribute.path());
        match &attribute.meta {
            Meta::Path(_) => {}
            Meta::List(list) => {
                self.walk_tokens(TokenBuffer::new2(list.tokens.clone()).begin(), true);
            }
            Meta::NameValue(_) if attribute.path().is_ident("doc") => {}
            Meta::NameValue(pair) => visit::visit_expr(self, &pair.value),
        }
    }
}

fn segments(path: &Path) -> Segments {
    let leading = path.leading_colon.map(|_| String::new());
    let words = path
        .segments
        .iter()
        .map(|segment| segment.ident.to_string());
    leading.into_iter().chain(words).collect()
}

/// The cursor behind `::`, if it stands before one.
fn colons_at(cursor: Cursor<'_>) -> Option<Cursor<'_>> {
    let (first, cursor) = cursor.punct()?;
    let (second, cursor) = cursor.punct()?;
    (first.as_char() == ':' && second.as_char() == ':').then_some(cursor)
}

/// The path that begins here, such as `crate::flows::Session`, `$crate::flows` or `::vouchsafe`.
fn path_at(cursor: Cursor<'_>) -> Option<(Segments, Cursor<'_>)> {
    let mut path = Vec::new();
    let mut here = cursor;
    if let Some(after) = colons_at(here) {
        path.push(String::new());
        here = after;
    } else if let Some((sign, after)) = here.punct()
        && sign.as_char() == '$'
        && after.ident().is_some_and(|(word, _)| word == "crate")
    {
        here = after;
    }
    loop {
        let Some((word, after)) = here.ident() else {
            // `::` and then a brace: what stands therein is the rest.
            return None;
        };
        path.push(word.to_string());
        here = after;
        match colons_at(here) {
            Some(after) if after.ident().is_some() => here = after,
            _ => return Some((path, here)),
        }
    }
}
