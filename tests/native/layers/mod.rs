//! The arrows between the folders of `src` and of `server/src`: what each of them may name of the others, and where
//! JavaScript may be named.

mod code;
mod planted;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use code::{Arrow, Crate, Target};

/// The folders and files of `src` in the order data travels. Each may name those behind it.
const ORDER: [&str; 8] = [
    "bindings", "flows", "api", "crypto", "js", "json", "ids", "error",
];

/// Crates that bind to JavaScript.
const JAVASCRIPT: [&str; 5] = [
    "js_sys",
    "serde_wasm_bindgen",
    "wasm_bindgen",
    "wasm_bindgen_futures",
    "web_sys",
];
const MAY_NAME_JAVASCRIPT: [&str; 4] = ["bindings/", "js/", "crypto/engine/web.rs", "api/fetch.rs"];
/// Whoever else names `js` does not compile without a browser.
const MAY_NAME_JS: [&str; 4] = [
    "bindings/",
    "crypto/engine/web.rs",
    "crypto/engine/full.rs",
    "api/fetch.rs",
];

/// The file that puts the server's two services side by side, and what hands it to the outside.
const MAY_NAME_SERVICES: [&str; 6] = [
    "admin.rs",
    "cli/admin.rs",
    "http/server.rs",
    "lib.rs",
    "migrations.rs",
    "seed/mod.rs",
];

/// The first part of a path: `flows` of `flows/shares/share.rs`, `ids` of `ids.rs`.
fn part(path: &str) -> &str {
    let first = path.split('/').next().unwrap();
    first.trim_end_matches(".rs")
}

/// Where files may name one another in a circle: a folder of `flows`, and elsewhere a folder of the sources.
fn room(path: &str) -> String {
    let depth = if path.starts_with("flows/") { 2 } else { 1 };
    let parts: Vec<&str> = path.split('/').take(depth).collect();
    parts.join("/")
}

fn is_in(file: &str, places: &[&str]) -> bool {
    places.iter().any(|place| file.starts_with(place))
}

/// What an arrow touches: the first parts of the modules on its way, and where it ends.
fn touched(arrow: &Arrow) -> BTreeSet<&str> {
    let Target::Inside { module, through } = &arrow.target else {
        return BTreeSet::new();
    };
    let modules = through.iter().chain([module]);
    modules
        .filter_map(|path| path.first().map(String::as_str))
        .collect()
}

/// What is wrong in the client's sources.
fn wrong_in_client(code: &Crate) -> BTreeSet<String> {
    let mut wrong = BTreeSet::new();
    let place = |name: &str| ORDER.iter().position(|other| *other == name);
    for arrow in code.arrows() {
        let from = &arrow.from;
        let mut report = |name: &str| wrong.insert(format!("{from} names {name}"));
        if from == "lib.rs" {
            // It declares the folders; JavaScript is not its own.
        } else if let Some(own) = place(part(from)) {
            for name in touched(&arrow) {
                if place(name).is_some_and(|other| other < own)
                    || name == "js" && part(from) != "js" && !is_in(from, &MAY_NAME_JS)
                {
                    report(name);
                }
            }
        } else {
            report("what it may not, since it has no place in the order");
        }
        if let Target::Outside(name) = &arrow.target
            && JAVASCRIPT.contains(&name.as_str())
            && !is_in(from, &MAY_NAME_JAVASCRIPT)
        {
            report(name);
        }
    }
    let files = files(code);
    wrong.extend(circles(&files, room));
    wrong.extend(circles(&folders_of_flows(&files), str::to_owned));
    wrong
}

/// What is wrong in the server's sources.
fn wrong_in_server(code: &Crate) -> BTreeSet<String> {
    let mut wrong = BTreeSet::new();
    for arrow in code.arrows() {
        let from = &arrow.from;
        if MAY_NAME_SERVICES.contains(&from.as_str()) {
            continue;
        }
        for name in touched(&arrow) {
            if matches!(name, "vault" | "keystore") && name != part(from) {
                wrong.insert(format!("{from} names {name}"));
            }
        }
    }
    wrong.extend(circles(&files(code), room));
    wrong
}

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Which file names which, what is only handed on excepted.
fn files(code: &Crate) -> Graph {
    let mut graph = Graph::new();
    for arrow in code.arrows() {
        if let Target::Inside { module, .. } = &arrow.target
            && !arrow.handed_on
            && let Some(to) = code.file_of(module)
        {
            let named = graph.entry(arrow.from).or_default();
            named.insert(to.to_owned());
        }
    }
    graph
}

/// The shortest way round from a node back to it that leads through another room.
fn circle(graph: &Graph, start: &str, room: fn(&str) -> String) -> Option<Vec<String>> {
    let mut ways = VecDeque::from([vec![start.to_owned()]]);
    // A node is passed once by those that stayed in the room, and once by those that left it.
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in graph.get(way.last().unwrap()).into_iter().flatten() {
            let left = way.iter().any(|node| room(node) != room(start));
            if next == start && left {
                return Some(way);
            }
            if seen.insert((next.clone(), left)) {
                let mut longer = way.clone();
                longer.push(next.clone());
                ways.push_back(longer);
            }
        }
    }
    None
}

/// Circles that lead through several rooms, each told from its first node on.
fn circles(graph: &Graph, room: fn(&str) -> String) -> BTreeSet<String> {
    let found = graph.keys().filter_map(|node| circle(graph, node, room));
    let told = found.map(|mut way| {
        let first = (0..way.len()).min_by_key(|index| &way[*index]).unwrap();
        way.rotate_left(first);
        way.push(way[0].clone());
        way.join(" → ")
    });
    told.collect()
}

/// Which folder of flows leads to which, by any of its files.
fn folders_of_flows(files: &Graph) -> Graph {
    let mut graph = Graph::new();
    for (from, named) in files {
        for to in named {
            let (from, to) = (room(from), room(to));
            if from != to && [&from, &to].iter().all(|room| room.starts_with("flows/")) {
                graph.entry(from).or_default().insert(to);
            }
        }
    }
    graph
}

fn client() -> Crate {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    Crate::read("vouchsafe", &root.join("src"))
}

fn server() -> Crate {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    Crate::read("vouchsafe_server", &root.join("server/src"))
}

/// The search sees what is there.
fn sees(code: &Crate, arrows: &[(&str, &str)]) {
    let graph = files(code);
    for (from, to) in arrows {
        let named = graph
            .iter()
            .filter(|(file, _)| file.starts_with(from))
            .flat_map(|(_, named)| named);
        assert!(
            named.clone().any(|file| file.starts_with(to)),
            "{from} no longer names {to}: change this test with it"
        );
    }
}

#[test]
fn no_arrow_of_the_client_points_back() {
    let code = client();
    assert_eq!(wrong_in_client(&code), BTreeSet::new());
    sees(
        &code,
        &[
            ("bindings/", "flows/"),
            ("flows/shares/", "flows/session/"),
            ("flows/account/", "flows/session/"),
            ("flows/connections/", "flows/session/"),
            ("flows/", "crypto/records/"),
            ("flows/", "api/vault/"),
            ("api/vault/", "crypto/"),
            ("api/fetch.rs", "js/"),
            ("crypto/engine/web.rs", "js/"),
        ],
    );
    for name in ORDER {
        let known = code.files().iter().any(|file| part(file) == name);
        assert!(known, "{name} is gone: change this test with it");
    }
}

#[test]
fn the_two_services_do_not_meet() {
    let code = server();
    assert_eq!(wrong_in_server(&code), BTreeSet::new());
    sees(
        &code,
        &[
            ("http/server.rs", "vault/"),
            ("http/server.rs", "keystore/"),
            ("vault/", "http/"),
            ("vault/", "store/"),
            ("vault/", "token.rs"),
            ("keystore/", "http/"),
            ("keystore/", "store/"),
            ("keystore/", "token.rs"),
        ],
    );
}
