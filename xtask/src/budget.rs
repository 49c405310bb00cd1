//! The bytes that a page may load, after gzip: `size-budget.json`.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use crate::files;
use crate::workspace::Workspace;

const FILE: &str = "size-budget.json";

/// Fails when a part is larger than it may be, or has no budget; says which, and by how much.
pub(crate) fn check(workspace: &Workspace, parts: &[(&str, usize)]) -> Result<()> {
    let budget = files::read(&workspace.root.join(FILE))?;
    let over = excesses(&budget, parts)?;
    ensure!(
        over.is_empty(),
        "The package is larger than {FILE} allows: {}. `cargo xtask size` says what costs it.",
        over.join("; ")
    );
    Ok(())
}

fn excesses(budget: &str, parts: &[(&str, usize)]) -> Result<Vec<String>> {
    let budget: BTreeMap<String, usize> =
        serde_json::from_str(budget).with_context(|| format!("{FILE} cannot be read"))?;
    for name in budget.keys() {
        ensure!(
            parts.iter().any(|(part, _)| part == name),
            "{FILE} has a budget for `{name}`, which is no part of the package."
        );
    }
    let mut over = Vec::new();
    for (name, bytes) in parts {
        let allowed = budget
            .get(*name)
            .with_context(|| format!("{FILE} has no budget for `{name}`."))?;
        if bytes >= allowed {
            over.push(format!(
                "`{name}` takes {bytes} bytes gzipped, {} too many",
                bytes - allowed + 1
            ));
        }
    }
    Ok(over)
}

#[cfg(test)]
mod tests {
    use super::excesses;

    #[test]
    fn what_is_over_is_named_with_how_much() {
        let budget = r#"{ "wasm": 100, "javascript": 20 }"#;
        let over = |wasm, javascript| {
            excesses(budget, &[("wasm", wasm), ("javascript", javascript)]).expect("is complete")
        };
        assert!(over(99, 19).is_empty());
        assert_eq!(
            over(100, 19),
            ["`wasm` takes 100 bytes gzipped, 1 too many"]
        );
        assert_eq!(over(150, 30).len(), 2);
    }

    #[test]
    fn every_part_has_a_budget_and_every_budget_a_part() {
        assert!(excesses(r#"{ "wasm": 1 }"#, &[("wasm", 0), ("full", 0)]).is_err());
        assert!(excesses(r#"{ "wasm": 1, "full": 1 }"#, &[("wasm", 0)]).is_err());
        assert!(excesses("", &[]).is_err());
    }
}
