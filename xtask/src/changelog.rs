//! The sections of CHANGELOG.md.

use anyhow::{Result, bail, ensure};

/// The date in the heading of a version.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Date<'a> {
    /// A day, `2026-01-31`.
    Day(&'a str),
    /// Not yet: `unreleased`.
    Unreleased,
}

/// The date of a version, which must be the newest one and say something.
pub(crate) fn date<'a>(changelog: &'a str, version: &str) -> Result<Date<'a>> {
    let mut sections = changelog.split("\n## ").skip(1);
    let start = format!("[{version}] - ");
    let Some(section) = sections.next().filter(|text| text.starts_with(&start)) else {
        bail!(
            "The first section of CHANGELOG.md is not `## [{version}] - ` with a date. Write down what the version changes."
        );
    };
    let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
    ensure!(
        body.lines().any(|line| line.starts_with("- ")),
        "CHANGELOG.md lists nothing (`- …`) under {version}."
    );
    match heading[start.len()..].trim_end() {
        "unreleased" => Ok(Date::Unreleased),
        day if is_day(day) => Ok(Date::Day(day)),
        other => bail!(
            "CHANGELOG.md dates {version} as “{other}”: neither a day like 2026-01-31 nor `unreleased`."
        ),
    }
}

fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |part: &str, digits: usize| {
        let all_digits = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        all_digits.then(|| part.parse::<u32>().ok()).flatten()
    };
    let [year, month, day] = parts[..] else {
        return false;
    };
    number(year, 4).is_some()
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
}

#[cfg(test)]
mod tests {
    use super::{Date, date};

    fn changelog(heading: &str) -> String {
        format!(
            "# Changes\n\n## {heading}\n\n### Added\n\n- A thing.\n\n## [0.1.0] - 2026-01-31\n\n- All.\n"
        )
    }

    #[test]
    fn a_version_is_dated_or_unreleased() {
        let text = changelog("[0.2.0] - 2026-02-28");
        assert_eq!(date(&text, "0.2.0").unwrap(), Date::Day("2026-02-28"));
        let text = changelog("[0.2.0] - unreleased");
        assert_eq!(date(&text, "0.2.0").unwrap(), Date::Unreleased);
    }

    #[test]
    fn what_is_not_the_newest_version_or_has_no_date_is_refused() {
        for (heading, version) in [
            ("[0.2.0] - 2026-02-28", "0.1.0"),
            ("[0.2.0] - 2026-02-28", "0.3.0"),
            ("[0.2.0]", "0.2.0"),
            ("[0.2.0] - soon", "0.2.0"),
            ("[0.2.0] - 2026-13-01", "0.2.0"),
            ("[0.2.0] - 2026-1-01", "0.2.0"),
            ("[0.2.0] - 2026-01-31-1", "0.2.0"),
        ] {
            assert!(
                date(&changelog(heading), version).is_err(),
                "{heading} as {version}"
            );
        }
        assert!(date("# Changes\n", "0.2.0").is_err());
    }

    #[test]
    fn a_version_says_what_it_changes() {
        let text = "# Changes\n\n## [0.2.0] - unreleased\n\nNothing.\n\n## [0.1.0] - 2026-01-31\n\n- All.\n";
        assert!(date(text, "0.2.0").is_err());
    }
}
