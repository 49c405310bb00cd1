//! Plain copies of secrets: locals and temporaries, which no type of ours wipes.
//!
//! A source does not tell the types of locals, so they are known by what makes them: the calls of [`MAKERS`] give a `String`
//! or a `Vec` that stays in memory. Where what goes in sounds like a secret, a `Zeroizing::new` has to stand around it. A
//! secret under a name that does not sound like one, and what another crate copies inside, is not seen.

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};

/// What makes plain texts and buffers.
const MAKERS: [&str; 8] = [
    "concat",
    "format",
    "from_base64url",
    "to_base64url",
    "to_owned",
    "to_string",
    "to_vec",
    "clone",
];

/// Names of what may not be copied so.
const WORDS: [&str; 9] = [
    "bearer",
    "export_key",
    "passphrase",
    "payload",
    "pkcs8",
    "plaintext",
    "secret",
    "seed",
    "token",
];

/// Names of cards, whose every copy has to be meant.
const CARDS: [&str; 2] = ["card", "content"];

/// The plain copies of one source, as `function: maker(name)`.
pub(crate) fn copies(source: &str) -> Vec<String> {
    let mut scan = Scan::default();
    scan.visit_file(&syn::parse_file(source).unwrap());
    scan.found
}

#[derive(Default)]
struct Scan {
    function: String,
    wiped: bool,
    found: Vec<String>,
}

impl Scan {
    fn note(&mut self, maker: &str, names: &[String]) {
        if self.wiped || !MAKERS.contains(&maker) {
            return;
        }
        let words: &[&str] = if maker == "clone" { &CARDS } else { &WORDS };
        let secret = names.iter().find(|name| words.contains(&name.as_str()));
        if let Some(name) = secret {
            self.found
                .push(format!("{}: {maker}({name})", self.function));
        }
    }

    /// What stands inside, with its results wiped or not.
    fn inside(&mut self, wiped: bool, visit: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.wiped, wiped);
        visit(self);
        self.wiped = before;
    }
}

impl<'ast> Visit<'ast> for Scan {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function = item.sig.ident.to_string();
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function = item.sig.ident.to_string();
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let path = names_of(&call.func);
        if path == ["Zeroizing", "new"] {
            self.inside(true, |scan| visit::visit_expr_call(scan, call));
            return;
        }
        let names: Vec<String> = call.args.iter().flat_map(names_of).collect();
        self.note(path.last().map_or("", String::as_str), &names);
        // What goes into another call is that call's matter.
        self.inside(false, |scan| visit::visit_expr_call(scan, call));
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.note(&call.method.to_string(), &names_of(&call.receiver));
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if call.path.is_ident("format") {
            self.note("format", &names_in(call));
        }
    }
}

/// The names in an expression.
fn names_of(expression: &syn::Expr) -> Vec<String> {
    struct Names(Vec<String>);
    impl<'ast> Visit<'ast> for Names {
        fn visit_ident(&mut self, ident: &'ast syn::Ident) {
            self.0.push(ident.to_string());
        }
    }
    let mut names = Names(Vec::new());
    names.visit_expr(expression);
    names.0
}

/// The names among the arguments of `format!`, those inside of its `{}` too.
fn names_in(call: &syn::Macro) -> Vec<String> {
    let arguments = call.parse_body_with(Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated);
    let mut names = Vec::new();
    for argument in arguments.unwrap() {
        let text = match &argument {
            syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) => text.value(),
            other => {
                names.extend(names_of(other));
                continue;
            }
        };
        let inside = text.split('{').skip(1);
        let name = |part: &str| part.split(['}', ':']).next().map(str::to_owned);
        names.extend(inside.filter_map(name));
    }
    names
}
