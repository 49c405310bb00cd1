//! The types of `src`, as its sources have them.

use std::path::Path;

use syn::visit::Visit;
use syn::{Attribute, Fields, Item, Meta, Type};

/// A struct or an enum.
#[derive(Debug)]
pub(crate) struct Found {
    /// Relative to `src`.
    pub(crate) file: String,
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
    /// The traits that it derives.
    pub(crate) derives: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Field {
    /// The position, where there is no name.
    pub(crate) name: String,
    /// Every word of the type: `Option`, `Zeroizing`, `String`.
    pub(crate) words: Vec<String>,
    /// Whether the derived wiping leaves it out.
    pub(crate) skipped: bool,
}

/// The sources of a folder: paths relative to `root`, and texts.
pub(crate) fn sources(root: &Path, folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(root, &path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(root).unwrap().to_str().unwrap();
            let source = std::fs::read_to_string(&path).unwrap();
            found.push((relative.replace('\\', "/"), source));
        }
    }
    found
}

/// The types of one source, tests excepted.
pub(crate) fn file(path: &str, source: &str) -> Vec<Found> {
    let mut found = Vec::new();
    visit_items(path, syn::parse_file(source).unwrap().items, &mut found);
    found
}

fn visit_items(path: &str, items: Vec<Item>, found: &mut Vec<Found>) {
    for item in items {
        match item {
            Item::Mod(module) if !is_test(&module.attrs) => {
                let inner = module.content.map(|(_, items)| items);
                visit_items(path, inner.unwrap_or_default(), found);
            }
            Item::Struct(item) => found.push(Found {
                file: path.into(),
                name: item.ident.to_string(),
                fields: fields_of(&item.fields),
                derives: derives_of(&item.attrs),
            }),
            Item::Enum(item) => found.push(Found {
                file: path.into(),
                name: item.ident.to_string(),
                fields: item
                    .variants
                    .iter()
                    .flat_map(|variant| fields_of(&variant.fields))
                    .collect(),
                derives: derives_of(&item.attrs),
            }),
            _ => {}
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        matches!(&attribute.meta, Meta::List(list)
            if list.path.is_ident("cfg") && list.tokens.to_string().contains("test"))
    })
}

fn fields_of(fields: &Fields) -> Vec<Field> {
    let name = |(index, field): (usize, &syn::Field)| Field {
        name: field
            .ident
            .as_ref()
            .map_or(index.to_string(), ToString::to_string),
        words: words_of(&field.ty),
        skipped: field.attrs.iter().any(|attribute| {
            attribute.path().is_ident("zeroize")
                && matches!(&attribute.meta, Meta::List(list) if list.tokens.to_string() == "skip")
        }),
    };
    fields.iter().enumerate().map(name).collect()
}

fn words_of(ty: &Type) -> Vec<String> {
    struct Words(Vec<String>);
    impl<'ast> Visit<'ast> for Words {
        fn visit_ident(&mut self, ident: &'ast syn::Ident) {
            self.0.push(ident.to_string());
        }
    }
    let mut words = Words(Vec::new());
    words.visit_type(ty);
    words.0
}

fn derives_of(attributes: &[Attribute]) -> Vec<String> {
    let mut derives = Vec::new();
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"))
    {
        let _ = attribute.parse_nested_meta(|meta| {
            derives.extend(meta.path.segments.last().map(|last| last.ident.to_string()));
            Ok(())
        });
    }
    derives
}
