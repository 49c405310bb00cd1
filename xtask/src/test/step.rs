//! The steps, what each needs, and what no two of them may use at once.

use clap::ValueEnum;

/// A step of `cargo xtask test`, in the order in which they begin where nothing else decides. What holds the folder of debug
/// builds comes early: such steps run one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// rustfmt has nothing to change.
    Format,
    /// Without the feature `browser` no crate that touches JavaScript is in the tree.
    Tree,
    /// The npm packages of the tests are there.
    Npm,
    /// Clippy has nothing to say about the native builds.
    Clippy,
    /// The npm package builds, and its own tests pass.
    Package,
    /// The servers build, and with them the native tests.
    Build,
    /// The native tests, against the real server.
    Native,
    /// The services' tests against two servers at one PostgreSQL database.
    Postgres,
    /// Clippy has nothing to say about the build for browsers.
    ClippyWasm,
    /// The client in a browser, against running services.
    Browser,
    /// The client and the demo page in Firefox.
    Firefox,
    /// The demo page in Chromium.
    E2e,
    /// The demo page in WebKit.
    Webkit,
    /// The npm package works with each bundler, without one, and in Node.js.
    Consumers,
    /// The guide, word for word, and the whole apps among the examples.
    Guide,
    /// The package and the services with a real identity provider.
    OwnAccounts,
    /// The services do what their own descriptions say.
    Descriptions,
    /// The package's JavaScript, against a stand-in for the module.
    Facade,
    /// The reference can be made: every member of the package's types is described.
    Docs,
    /// The dependencies may be used: licences, sources, known faults.
    Deny,
}

/// A thing that one step at a time can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    /// Cargo's folder of debug builds, which it locks, and `webdriver.json`.
    DebugBuilds,
}

impl Step {
    /// The steps without which this one cannot run. Each stands before it in the list.
    pub(super) fn needs(self) -> &'static [Self] {
        match self {
            Self::Native => &[Self::Npm, Self::Build],
            Self::Package => &[Self::Npm],
            Self::Docs => &[Self::Npm, Self::Package],
            Self::Browser | Self::Postgres => &[Self::Build],
            Self::Consumers
            | Self::Descriptions
            | Self::E2e
            | Self::Firefox
            | Self::Guide
            | Self::OwnAccounts
            | Self::Webkit => &[Self::Npm, Self::Package, Self::Build],
            _ => &[],
        }
    }

    /// The resource that no other step may use meanwhile.
    pub(super) fn holds(self) -> Option<Resource> {
        match self {
            Self::Clippy | Self::ClippyWasm | Self::Build | Self::Browser | Self::Firefox => {
                Some(Resource::DebugBuilds)
            }
            _ => None,
        }
    }

    /// The name on the command line.
    pub(super) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::Step;

    #[test]
    fn each_step_stands_after_all_that_it_needs() {
        for (index, step) in Step::value_variants().iter().enumerate() {
            for need in step.needs() {
                let before = &Step::value_variants()[..index];
                assert!(before.contains(need), "{step:?} needs {need:?}");
                for deeper in need.needs() {
                    assert!(step.needs().contains(deeper), "{step:?} needs {deeper:?}");
                }
            }
        }
    }
}
