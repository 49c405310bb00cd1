//! Options from elsewhere than the command line: a file of settings, and secrets in files of their own.
//!
//! Both are read into arguments behind the ones that were given, so that everything is understood in one place. What the command
//! line or a variable says already is left out: a flag counts more than a variable, that more than the file, and that more than
//! the default.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use toml::{Table, Value};

/// The option that names the file.
const CONFIG: &str = "config";
/// The options that a file cannot have.
const NOT_IN_FILES: [&str; 3] = [CONFIG, "help", "version"];
/// The end of the key, and of the variable, that name a secret's own file.
const FILE_KEY: &str = "-file";
const FILE_VARIABLE: &str = "_FILE";
/// How alike two names are, at most 1, of which one may be meant for the other.
const LIKENESS: f64 = 0.7;

/// The reason why the settings are not taken.
pub(crate) enum Refusal {
    /// What clap says of the command line; help and version, too.
    CommandLine(clap::Error),
    /// One sentence that says what to do.
    Settings(String),
}

type Result<T> = std::result::Result<T, Refusal>;

fn refuse<T>(sentence: String) -> Result<T> {
    Err(Refusal::Settings(sentence))
}

/// The option that names the file of settings, for every command.
pub(super) fn option() -> Arg {
    Arg::new(CONFIG)
        .long(CONFIG)
        .global(true)
        .value_name("FILE")
        .env("VOUCHSAFE_CONFIG")
        .value_parser(clap::value_parser!(PathBuf))
        .help_heading(None)
        .help("A file of settings in TOML, whose keys are the names of these options: listen = \"127.0.0.1:8787\"")
}

/// Reads the command line, the variables and the files.
pub(super) fn matches(command: &mut Command, given: Vec<OsString>) -> Result<ArgMatches> {
    command.build();
    let told = command
        .try_get_matches_from_mut(&given)
        .map_err(Refusal::CommandLine)?;
    let (leaf, told_leaf) = leaf(command, &told);
    let path = told_leaf.get_one::<PathBuf>(CONFIG);
    let file = match path {
        Some(path) => Some(SettingsFile::read(path, command)?),
        None => None,
    };
    let mut more = Vec::new();
    for argument in leaf.get_arguments() {
        if told_leaf.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine) {
            continue;
        }
        match secret_file(argument)? {
            Some(secret) => more.push(secret),
            None if variable(argument).is_some_and(|name| std::env::var_os(name).is_some()) => {}
            None => more.extend(match &file {
                Some(file) => file.arguments(argument)?,
                None => Vec::new(),
            }),
        }
    }
    if more.is_empty() {
        return Ok(told);
    }
    let all = given.into_iter().chain(more);
    command.try_get_matches_from_mut(all).map_err(|error| {
        // What was given was understood, so it is the file.
        let text = error.render().to_string();
        let sentence = text.lines().next().unwrap_or_default();
        let sentence = sentence.trim_start_matches("error: ").to_owned();
        let place = path.map_or_else(String::new, |path| format!("{}: ", path.display()));
        Refusal::Settings(format!("{place}{sentence}"))
    })
}

/// The command that is asked for, with what was said to it.
fn leaf<'a, 'b>(command: &'a Command, told: &'b ArgMatches) -> (&'a Command, &'b ArgMatches) {
    let named = told.subcommand();
    match named.and_then(|(name, told)| Some((command.find_subcommand(name)?, told))) {
        Some((command, told)) => leaf(command, told),
        None => (command, told),
    }
}

/// The variables that mean something.
pub(super) fn known_variables(command: &Command) -> Vec<OsString> {
    let mut known: Vec<OsString> = Vec::new();
    for argument in command.get_arguments() {
        let Some(name) = variable(argument) else {
            continue;
        };
        known.push(name.to_owned());
        if argument.is_hide_env_values_set() {
            known.push(secret_variable(name));
        }
    }
    for command in command.get_subcommands() {
        known.extend(known_variables(command));
    }
    known
}

fn variable(argument: &Arg) -> Option<&OsStr> {
    argument.get_env()
}

fn secret_variable(name: &OsStr) -> OsString {
    let mut name = name.to_owned();
    name.push(FILE_VARIABLE);
    name
}

/// The argument for a secret whose file a variable names, as those who run containers hand them over.
fn secret_file(argument: &Arg) -> Result<Option<OsString>> {
    let (Some(name), true) = (variable(argument), argument.is_hide_env_values_set()) else {
        return Ok(None);
    };
    let file_name = secret_variable(name);
    let Some(path) = std::env::var_os(&file_name) else {
        return Ok(None);
    };
    let (name, file_name) = (name.display(), file_name.display());
    if std::env::var_os(argument.get_env().unwrap_or_default()).is_some() {
        return refuse(format!("Set {name} or {file_name}, not both."));
    }
    let secret = read_secret(Path::new(&path), &file_name.to_string())?;
    Ok(Some(joined(argument, &secret)))
}

/// A secret, without the line's end that editors leave behind it.
fn read_secret(path: &Path, what: &str) -> Result<String> {
    let text = std::fs::read_to_string(path);
    match text {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(error) => refuse(format!(
            "Give {what} a file that can be read: {} cannot ({error}).",
            path.display()
        )),
    }
}

/// An option with its value, in one argument, so that a value may begin like an option.
fn joined(argument: &Arg, value: &str) -> OsString {
    match argument.get_long() {
        Some(name) => format!("--{name}={value}").into(),
        None => value.into(),
    }
}

/// The key of an option in the file.
fn key(argument: &Arg) -> Option<&str> {
    let name = argument.get_long().unwrap_or(argument.get_id().as_str());
    (!NOT_IN_FILES.contains(&name)).then_some(name)
}

/// A file of settings, whose keys are options of the server.
struct SettingsFile<'a> {
    path: &'a Path,
    table: Table,
}

impl<'a> SettingsFile<'a> {
    /// Reads a file, and refuses keys that no option has.
    fn read(path: &'a Path, server: &Command) -> Result<Self> {
        let shown = path.display();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                return refuse(format!(
                    "Give --config a file that can be read: {shown} cannot ({error})."
                ));
            }
        };
        let table: Table = match text.parse() {
            Ok(table) => table,
            Err(error) => return refuse(not_toml(path, &text, &error)),
        };
        let mut known: Vec<String> = Vec::new();
        for argument in server.get_arguments() {
            let Some(name) = key(argument) else { continue };
            known.push(name.to_owned());
            if argument.is_hide_env_values_set() {
                known.push(format!("{name}{FILE_KEY}"));
            }
        }
        match table.keys().find(|key| !known.contains(key)) {
            Some(key) => refuse(unknown(path, key, &known)),
            None => Ok(Self { path, table }),
        }
    }

    fn wrong<T>(&self, key: &str, wanted: &str) -> Result<T> {
        let path = self.path.display();
        refuse(format!("Write {key} as {wanted} in {path}."))
    }

    /// What the file says of an option, as it would stand on the command line.
    fn arguments(&self, argument: &Arg) -> Result<Vec<OsString>> {
        let Some(name) = key(argument) else {
            return Ok(Vec::new());
        };
        let file_key = format!("{name}{FILE_KEY}");
        let named = match argument.is_hide_env_values_set() {
            true => self.table.get(&file_key),
            false => None,
        };
        match (self.table.get(name), named) {
            (Some(_), Some(_)) => {
                let path = self.path.display();
                refuse(format!("Set {name} or {file_key} in {path}, not both."))
            }
            (None, Some(Value::String(secret))) => Ok(vec![joined(
                argument,
                &read_secret(Path::new(secret), &file_key)?,
            )]),
            (None, Some(_)) => self.wrong(&file_key, "a path in quotes"),
            (Some(value), None) => self.values(argument, name, value),
            (None, None) => Ok(Vec::new()),
        }
    }

    fn values(&self, argument: &Arg, name: &str, value: &Value) -> Result<Vec<OsString>> {
        match (argument.get_action(), value) {
            (ArgAction::SetTrue, Value::Boolean(true)) => Ok(vec![format!("--{name}").into()]),
            (ArgAction::SetTrue, Value::Boolean(false)) => Ok(Vec::new()),
            (ArgAction::SetTrue, _) => self.wrong(name, "true or false"),
            (ArgAction::Append, Value::Array(values)) => {
                let texts = values.iter().map(text).collect::<Option<Vec<String>>>();
                match texts {
                    Some(texts) => Ok(texts.iter().map(|text| joined(argument, text)).collect()),
                    None => self.wrong(name, "a list of texts"),
                }
            }
            (_, value) => match text(value) {
                Some(text) => Ok(vec![joined(argument, &text)]),
                None => self.wrong(name, "a text in quotes, or a whole number"),
            },
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

fn not_toml(path: &Path, text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    let (path, message) = (path.display(), error.message());
    format!("Mend line {line} of {path}, which is no TOML ({message}).")
}

/// The sentence about a key that no option has. Its own words first: people write variables' names, and leave hyphens out.
fn unknown(path: &Path, key: &str, known: &[String]) -> String {
    let lower = key.to_lowercase().replace('_', "-");
    let meant = lower.trim_start_matches("vouchsafe-");
    let alike = |name: &&String| strsim::jaro_winkler(name, meant);
    let nearest = known
        .iter()
        .max_by(|one, other| alike(one).total_cmp(&alike(other)))
        .filter(|name| alike(name) >= LIKENESS);
    let path = path.display();
    match nearest {
        Some(name) => format!(
            "Write {name} in place of {key} in {path}, or leave it out: there is no such option."
        ),
        None => format!("Leave {key} out of {path}: there is no such option (--help names all)."),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]

    use std::any::TypeId;
    use std::io::Write as _;

    use super::*;

    /// A value that an option takes, as it stands in a file and on the command line.
    fn sample(argument: &Arg) -> (String, Vec<String>) {
        let possible = argument.get_possible_values();
        if let ArgAction::SetTrue = argument.get_action() {
            return ("true".to_owned(), vec!["true".to_owned()]);
        }
        if let Some(last) = possible.last() {
            let name = last.get_name().to_owned();
            return (format!("\"{name}\""), vec![name]);
        }
        let kind = argument.get_value_parser().type_id();
        let is_number = kind == TypeId::of::<u32>() || kind == TypeId::of::<i64>();
        match (argument.get_action(), is_number) {
            (_, true) => ("7".to_owned(), vec!["7".to_owned()]),
            (ArgAction::Append, _) => (
                "[\"-one\", \"two\"]".to_owned(),
                vec!["-one".to_owned(), "two".to_owned()],
            ),
            (_, false) => ("\"-x y=z\"".to_owned(), vec!["-x y=z".to_owned()]),
        }
    }

    fn read(text: &str) -> ArgMatches {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let path = file.path().to_str().unwrap();
        let given = ["vouchsafe-server", "--config", path].map(OsString::from);
        match matches(&mut crate::cli::command(), given.into()) {
            Ok(matches) => matches,
            Err(Refusal::Settings(sentence)) => panic!("{text}: {sentence}"),
            Err(Refusal::CommandLine(error)) => panic!("{text}: {error}"),
        }
    }

    #[test]
    fn every_option_can_be_in_the_file() {
        let command = crate::cli::command();
        let mut count = 0;
        for argument in command.get_arguments() {
            let Some(name) = key(argument) else { continue };
            let (in_file, expected) = sample(argument);
            let told = read(&format!("{name} = {in_file}\n"));
            let id = argument.get_id().as_str();
            let values = told.get_raw(id).unwrap_or_default();
            let values: Vec<_> = values.map(|value| value.to_str().unwrap()).collect();
            assert_eq!(values, expected, "{name}");
            let source = told.value_source(id);
            assert_eq!(source, Some(ValueSource::CommandLine), "{name}");
            count += 1;
        }
        assert!(count > 40, "{count}");
        // Only what holds a secret may lie in a file of its own.
        let secrets = command
            .get_arguments()
            .filter(|argument| argument.is_hide_env_values_set());
        let mut secrets: Vec<_> = secrets.filter_map(key).collect();
        secrets.sort_unstable();
        assert_eq!(
            secrets,
            [
                "keystore-db",
                "keystore-db-direct",
                "s3-secret-key",
                "smtp-url",
                "vault-db",
                "vault-db-direct"
            ]
        );
    }
}
