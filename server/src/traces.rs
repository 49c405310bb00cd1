//! Traces: each request gets a span, which goes to a collector by OTLP over HTTP. It tells no more than the request's line in
//! the log.

use std::pin::Pin;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, Response};
use opentelemetry::trace::{
    Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;
use url::Url;

use crate::http::trace::TraceParent;
use crate::metrics::Destination;
use crate::start_error::StartError;

/// The time for the collector to take some spans, and to take the last ones when the server stops.
const PATIENCE: Duration = Duration::from_secs(5);
/// The variable that names the service in place of this code.
const NAME_VARIABLE: &str = "OTEL_SERVICE_NAME";

/// Sends with the HTTP client that is there anyway. The exporter asks from a thread of its own, outside the runtime.
#[derive(Debug)]
struct Sender {
    http: reqwest::Client,
    runtime: Handle,
}

impl HttpClient for Sender {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let http = self.http.clone();
        let sending = self.runtime.spawn(async move {
            let request = reqwest::Request::try_from(request)?;
            let answer = http.execute(request).await?;
            let status = answer.status();
            let mut response = Response::new(answer.bytes().await?);
            *response.status_mut() = status;
            Ok(response)
        });
        Box::pin(async move { sending.await? })
    }
}

/// Where spans go.
#[derive(Clone, Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Sends to the collector at this address. How many requests are traced, and which headers go along, is what the usual
    /// `OTEL_` variables say.
    pub(crate) fn to(endpoint: &str) -> Result<Self, StartError> {
        let refuse = |why: &dyn std::fmt::Display| {
            StartError(format!(
                "Write --otlp-endpoint {endpoint:?} as the collector's address, like http://127.0.0.1:4318 ({why})."
            ))
        };
        let url = Url::parse(endpoint).map_err(|error| refuse(&error))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse(&"it is neither http nor https"));
        }
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .build()
            .map_err(|error| refuse(&error))?;
        let sender = Sender {
            http,
            runtime: Handle::current(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(sender)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .map_err(|error| refuse(&error))?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let mut resource = Resource::builder().with_attribute(version);
        if std::env::var_os(NAME_VARIABLE).is_none() {
            resource = resource.with_service_name("vouchsafe");
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        let tracer = provider.tracer("vouchsafe-server");
        Ok(Self { provider, tracer })
    }

    /// Begins the span of a request.
    pub(crate) fn begin(&self, to: &Destination<'_>, parent: Option<TraceParent>) -> Traced {
        let parent = match parent {
            Some(parent) => Context::new().with_remote_span_context(remote(parent)),
            None => Context::new(),
        };
        let name = format!("{} {}", to.method, to.route);
        let builder = self.tracer.span_builder(name);
        let attributes = [
            KeyValue::new("http.request.method", to.method),
            KeyValue::new("http.route", to.route.to_owned()),
            KeyValue::new("vouchsafe.service", to.service),
        ];
        let builder = builder.with_kind(SpanKind::Server);
        let builder = builder.with_attributes(attributes);
        Traced(self.tracer.build_with_context(builder, &parent))
    }

    /// Sends what is left.
    pub(crate) async fn stop(self) {
        let stop = move || self.provider.shutdown_with_timeout(PATIENCE);
        // What the collector does not take is nobody's loss but its own.
        let _ = tokio::task::spawn_blocking(stop).await;
    }
}

fn remote(parent: TraceParent) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(parent.trace.to_be_bytes()),
        SpanId::from_bytes(parent.parent.to_be_bytes()),
        TraceFlags::new(parent.flags) & TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    )
}

/// The span of a request that is being answered.
pub(crate) struct Traced(opentelemetry_sdk::trace::Span);

impl Traced {
    /// The id of the trace.
    pub(crate) fn trace(&self) -> u128 {
        u128::from_be_bytes(self.0.span_context().trace_id().to_bytes())
    }

    /// Ends it with the answer's status.
    pub(crate) fn end(mut self, status: u16) {
        let code = KeyValue::new("http.response.status_code", i64::from(status));
        self.0.set_attribute(code);
        if status >= 500 {
            self.0.set_status(Status::error(""));
        }
        self.0.end();
    }
}
