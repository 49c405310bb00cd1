//! What the process counts, in the text form of Prometheus. A label is a name that stands in this code (a route, a code, a
//! limit): never an id, an address, or anything else that tells of a person.
//!
//! The counts are the process's and not a [`Server`](crate::Server)'s, so that whatever is worth counting is counted where it
//! happens. What can be asked for at any time, such as the connections of a pool, is asked for when somebody looks: see
//! [`looks`].

pub(crate) mod looks;

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::prometheus_text::{CONTENT_TYPE, encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use serde::Serialize;
use serde_json::Value;
use utoipa::PartialSchema;

use crate::http::codes::{Code, Quota};

/// The media type of what [`text`] gives.
pub(crate) const MEDIA_TYPE: &str = CONTENT_TYPE;

/// The bounds of the buckets for the time that an answer takes. A request ends after 30 seconds.
const BUCKETS_SECONDS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0,
];

/// Names with their values.
type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
/// In whole numbers, and in seconds with fractions.
type Gauges<const N: usize> = Family<Labels<N>, Gauge>;
type Seconds<const N: usize> = Family<Labels<N>, Gauge<f64, std::sync::atomic::AtomicU64>>;
type Times<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

struct Metrics {
    registry: Registry,
    requests: Counters<4>,
    request_times: Times<3>,
    errors: Counters<1>,
    quota_refusals: Counters<1>,
    rate_limited: Counters<1>,
    event_streams: Gauge,
    connections: Gauges<1>,
    connections_refused: Counter,
    database_failures: Counters<1>,
    mails: Counters<1>,
    sweeps: Counters<2>,
    sweep_seconds: Seconds<1>,
    swept_at: Seconds<1>,
    rows_erased: Counters<1>,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// Notes when the process started. What is called first gives the time, so that is at its start.
pub(crate) fn begin() {
    LazyLock::force(&METRICS);
}

/// Everything that is counted, as text.
pub(crate) fn text() -> std::result::Result<String, std::fmt::Error> {
    let mut text = String::new();
    encode(&mut text, &METRICS.registry)?;
    Ok(text)
}

impl Metrics {
    fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            request_times: Family::new_with_constructor(|| Histogram::new(BUCKETS_SECONDS)),
            errors: Family::default(),
            quota_refusals: Family::default(),
            rate_limited: Family::default(),
            event_streams: Gauge::default(),
            connections: Family::default(),
            connections_refused: Counter::default(),
            database_failures: Family::default(),
            mails: Family::default(),
            sweeps: Family::default(),
            sweep_seconds: Family::default(),
            swept_at: Family::default(),
            rows_erased: Family::default(),
        };
        metrics.list();
        metrics.begin_at_zero();
        metrics
    }

    /// Gives each its name.
    fn list(&mut self) {
        let started = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
        started.set(now());
        self.registry.register(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970",
            started,
        );
        let ours = self.registry.sub_registry_with_prefix("vouchsafe");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        ours.register("build", "The release that runs", version);
        ours.register("requests", "Requests answered", self.requests.clone());
        ours.register(
            "request_seconds",
            "The time until an answer began",
            self.request_times.clone(),
        );
        ours.register("errors", "Errors answered", self.errors.clone());
        ours.register(
            "quota_refusals",
            "Writes refused because an account has all that it may have",
            self.quota_refusals.clone(),
        );
        ours.register(
            "rate_limited",
            "Attempts refused because there were too many",
            self.rate_limited.clone(),
        );
        ours.register(
            "event_streams",
            "Event streams that are open",
            self.event_streams.clone(),
        );
        ours.register(
            "connections",
            "Connections that are open",
            self.connections.clone(),
        );
        ours.register(
            "connections_refused",
            "Connections closed because their network had too many",
            self.connections_refused.clone(),
        );
        ours.register(
            "database_failures",
            "Statements that failed",
            self.database_failures.clone(),
        );
        ours.register("mails", "Attempts at mails", self.mails.clone());
        ours.register("sweeps", "Sweeps that ended", self.sweeps.clone());
        ours.register(
            "sweep_seconds",
            "The time that the last sweep took",
            self.sweep_seconds.clone(),
        );
        ours.register(
            "swept_at_seconds",
            "When the last sweep that was done ended, in seconds since 1970",
            self.swept_at.clone(),
        );
        ours.register(
            "rows_erased",
            "Rows erased in pieces, by sweeps and deletions of accounts",
            self.rows_erased.clone(),
        );
    }

    /// Begins what has a closed list of labels at 0: the first time shall not go unnoticed.
    fn begin_at_zero(&self) {
        let begin = |counters: &Counters<1>, label, value| {
            drop(counters.get_or_create(&[(label, value)]));
        };
        for outcome in Mail::ALL {
            begin(&self.mails, "outcome", outcome.as_str().into());
        }
        for failure in Failure::ALL {
            begin(&self.database_failures, "kind", failure.as_str().into());
        }
        for code in names::<Code>() {
            begin(&self.errors, "code", code);
        }
        for quota in names::<Quota>() {
            begin(&self.quota_refusals, "quota", quota);
        }
    }
}

/// The name of one of a closed list, as it is sent.
fn name_of(one: &impl Serialize) -> Cow<'static, str> {
    match serde_json::to_value(one) {
        Ok(Value::String(name)) => name.into(),
        _ => "unknown".into(),
    }
}

/// The names of a whole closed list, as it is described.
fn names<T: PartialSchema>() -> Vec<Cow<'static, str>> {
    let schema = serde_json::to_value(T::schema()).unwrap_or_default();
    let names = schema["enum"].as_array().into_iter().flatten();
    names
        .filter_map(|name| Some(name.as_str()?.to_owned().into()))
        .collect()
}

/// The time, in seconds since 1970.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// Something that is open until it is dropped.
pub(crate) struct Open(Gauge);

impl Open {
    fn count(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The place that a request went to, in names of this code.
pub(crate) struct Destination<'a> {
    pub(crate) service: &'static str,
    pub(crate) route: &'a str,
    pub(crate) method: &'static str,
}

/// Counts a request that was answered.
pub(crate) fn request(to: &Destination<'_>, status: u16, took: Duration) {
    let class = match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    let route = Cow::from(to.route.to_owned());
    let (service, method) = (Cow::from(to.service), Cow::from(to.method));
    let labels = [("service", service), ("route", route), ("method", method)];
    let times = METRICS.request_times.get_or_create(&labels);
    times.observe(took.as_secs_f64());
    drop(times);
    let [service, route, method] = labels;
    let labels = [service, route, method, ("status", Cow::from(class))];
    METRICS.requests.get_or_create(&labels).inc();
}

/// Counts an error that is answered, of a request or of one item of it.
pub(crate) fn error(code: Code) {
    METRICS
        .errors
        .get_or_create(&[("code", name_of(&code))])
        .inc();
}

/// Counts a write that a quota refuses.
pub(crate) fn quota_refused(quota: Quota) {
    let labels = [("quota", name_of(&quota))];
    METRICS.quota_refusals.get_or_create(&labels).inc();
}

/// Counts an attempt that a limit refuses.
pub(crate) fn rate_limited(limit: &'static str) {
    let labels = [("limit", Cow::from(limit))];
    METRICS.rate_limited.get_or_create(&labels).inc();
}

/// Counts an open event stream.
pub(crate) fn event_stream() -> Open {
    Open::count(&METRICS.event_streams)
}

/// Counts an open connection.
pub(crate) fn connection(listener: &'static str) -> Open {
    let labels = [("listener", Cow::from(listener))];
    Open::count(&METRICS.connections.get_or_create(&labels))
}

/// Counts a connection that is closed because its network has too many.
pub(crate) fn connection_refused() {
    METRICS.connections_refused.inc();
}

/// The ways in which a statement fails.
#[derive(Clone, Copy)]
pub(crate) enum Failure {
    /// No connection was free for as long as one may wait.
    NoConnection,
    /// It passes: the database is away, or its disk is full.
    Outage,
    /// It does not pass by itself.
    Other,
}

impl Failure {
    const ALL: [Self; 3] = [Self::NoConnection, Self::Outage, Self::Other];

    fn as_str(self) -> &'static str {
        match self {
            Self::NoConnection => "no_connection",
            Self::Outage => "outage",
            Self::Other => "other",
        }
    }
}

/// Counts a statement that failed.
pub(crate) fn database_failed(failure: Failure) {
    let labels = [("kind", Cow::from(failure.as_str()))];
    METRICS.database_failures.get_or_create(&labels).inc();
}

/// What becomes of an attempt at a mail.
#[derive(Clone, Copy)]
pub(crate) enum Mail {
    Sent,
    /// It is tried again.
    Failed,
    GivenUp,
}

impl Mail {
    const ALL: [Self; 3] = [Self::Sent, Self::Failed, Self::GivenUp];

    fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::GivenUp => "given_up",
        }
    }
}

/// Counts an attempt at a mail.
pub(crate) fn mail(outcome: Mail) {
    let labels = [("outcome", Cow::from(outcome.as_str()))];
    METRICS.mails.get_or_create(&labels).inc();
}

/// Does a sweep of a service, and notes how it went.
pub(crate) async fn sweep<E>(
    service: &'static str,
    sweep: impl Future<Output = Result<(), E>>,
) -> Result<(), E> {
    let began = Instant::now();
    let done = sweep.await;
    let took = began.elapsed();
    let of_service = [("service", Cow::from(service))];
    METRICS
        .sweep_seconds
        .get_or_create(&of_service)
        .set(took.as_secs_f64());
    let outcome = match done.is_ok() {
        true => "done",
        false => "failed",
    };
    if done.is_ok() {
        METRICS.swept_at.get_or_create(&of_service).set(now());
    }
    let [of_service] = of_service;
    let labels = [of_service, ("outcome", Cow::from(outcome))];
    METRICS.sweeps.get_or_create(&labels).inc();
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(service, outcome, millis, "swept");
    done
}

/// Counts rows that were erased in a piece.
pub(crate) fn rows_erased(service: &'static str, rows: u64) {
    let labels = [("service", Cow::from(service.to_lowercase()))];
    METRICS.rows_erased.get_or_create(&labels).inc_by(rows);
}
