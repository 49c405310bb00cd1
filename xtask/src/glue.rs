//! The JavaScript of the package that is not written by hand: wasm-bindgen's, made such that a worker can be made from it.

use anyhow::{Context as _, Result, ensure};

/// The part of the bindings that starts the module in ways of its own, and what it ends with.
const LOADER: &str = "\nasync function __wbg_load(";
/// The timers of the package, instead of those that a test has faked.
const TIMERS: &str = "clearTimeout, queueMicrotask, setTimeout";
const LAST: &str = "export { initSync, __wbg_init as default };";

/// The JavaScript that a module needs.
pub(crate) struct Glue {
    /// A function that makes new bindings. Its text stands for itself: it uses nothing from outside.
    function: String,
    /// The names of the classes among the bindings.
    classes: Vec<String>,
}

impl Glue {
    /// Makes it of wasm-bindgen's module script. Importing that would use what a platform may lack, and a worker could not be
    /// made from it.
    pub(crate) fn of(script: &str) -> Result<Self> {
        let changed = "wasm-bindgen writes its bindings otherwise than before.";
        let (body, loader) = script.split_once(LOADER).context(changed)?;
        ensure!(loader.trim_end().ends_with(LAST), changed);
        let mut names = vec!["init"];
        let mut classes = Vec::new();
        // In the scope of the function these take the place of the globals.
        let mut function = format!("({{ {TIMERS} }} = globalThis) => {{\n");
        for line in body.split_inclusive('\n') {
            let own = line.strip_prefix("export ").unwrap_or(line);
            if own.len() < line.len() {
                let mut words = own.split([' ', '(']);
                let (kind, name) = (words.next(), words.next().context(changed)?);
                ensure!(matches!(kind, Some("class" | "function")), changed);
                names.push(name);
                if kind == Some("class") {
                    classes.push(name.to_owned());
                }
            }
            ensure!(!own.starts_with("import "), changed);
            function.push_str(own);
        }
        let names = names.join(", ");
        function.push_str(&format!(
            "
/** @param {{WebAssembly.Module | BufferSource}} module */
const init = (module) =>
    wasm
        ? Promise.resolve(wasm)
        // Two entries of the package share these bindings: objects of the first must not meet the memory of the second.
        : WebAssembly.instantiate(module, __wbg_get_imports()).then((made) => wasm ?? __wbg_finalize_init(made.instance ?? made, module));
return {{ {names} }};
}}"
        ));
        // Bundlers rewrite it for pages that need that, such as Angular's, with a function of their own outside of this one.
        ensure!(!function.contains("async "), changed);
        Ok(Self { function, classes })
    }

    /// The module script that the entries import.
    pub(crate) fn script(&self) -> String {
        let mut script = format!(
            "export const glue = {};\n/** @typedef {{ReturnType<typeof glue>}} Bindings */\n",
            self.function
        );
        for name in &self.classes {
            script.push_str(&format!(
                "/** @typedef {{InstanceType<Bindings[\"{name}\"]>}} {name} */\n"
            ));
        }
        // Those of the page, made at the first call.
        script
            + "/** @type {Bindings | undefined} */\nlet made;\nexport const bindings = () => (made ??= glue());\n"
    }

    /// The worker's script, which loads no other files.
    pub(crate) fn worker(&self, thread: &str) -> String {
        let thread = thread.replace("\nexport ", "\n");
        format!(
            "const glue = {};\n{thread}\nthread(glue, operate);\n",
            self.function
        )
    }
}

/// A script without the lines of comments. A page without a bundler would load them: a fifth of all.
pub(crate) fn without_comments(script: &str) -> String {
    let mut short = String::with_capacity(script.len());
    let mut is_comment = false;
    for line in script.split_inclusive('\n') {
        let text = line.trim();
        // One before code is a cast.
        is_comment |= text.starts_with("/**") && (text.ends_with("*/") || !text.contains("*/"));
        if !is_comment && !text.starts_with("//") {
            short.push_str(line);
        }
        is_comment &= !text.ends_with("*/");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::{Glue, without_comments};

    #[test]
    fn no_line_of_a_comment_stays() {
        let script = "/** What it is. */\nlet a;\n/**\n * What it does.\n *\n * @param {string} b\n */\nf(b);\n  // Why.\nlet c; // So.\n";
        assert_eq!(without_comments(script), "let a;\nf(b);\nlet c; // So.\n");
        let cast = "let d = /** @type {string} */ (\n  /** @type {unknown} */ (e)\n);\n";
        assert_eq!(without_comments(cast), cast);
    }

    #[test]
    fn the_bindings_become_a_function_that_stands_for_itself() {
        let script = "export class Raw {\n}\nexport function work(a, b) {\n}\nlet wasm;\nasync function __wbg_load(m) {\n}\n\
            export { initSync, __wbg_init as default };\n";
        let glue = Glue::of(script).unwrap();
        assert!(glue.function.contains("return { init, Raw, work };"));
        assert!(!glue.function.contains("export") && !glue.function.contains("__wbg_load"));
        assert!(
            glue.script()
                .contains("InstanceType<Bindings[\"Raw\"]>} Raw */")
        );
        assert!(
            !glue
                .worker("\nexport const thread = 1;\n")
                .contains("export")
        );
        for other in [
            script.replace("initSync", "init"),
            script.replace("export function", "export const"),
            format!("import a from 'a';\n{script}"),
            script.replace("export function", "export async function"),
            script.replace("let wasm", "const a = async () => {};\nlet wasm"),
        ] {
            assert!(Glue::of(&other).is_err(), "{other}");
        }
    }
}
