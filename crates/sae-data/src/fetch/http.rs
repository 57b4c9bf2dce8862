//! One request over HTTP.

use std::time::Duration;

use ureq::Agent;
use ureq::http::header::{CONTENT_RANGE, RANGE};

use super::reply::Reply;

/// How long the name of a host is looked up, and again how long a connection to it is tried.
const CONNECT: Duration = Duration::from_secs(15);
/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(30);

/// Asks for a file, from a place in it on. A proxy is used where the environment names one
/// (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`).
///
/// # Errors
///
/// Says why there is no answer with the file.
pub(super) fn get(url: &str, from: u64) -> Result<Reply, String> {
    let mut request = agent().get(url);
    if from > 0 {
        request = request.header(RANGE, format!("bytes={from}-"));
    }
    let response = request.call().map_err(|error| error.to_string())?;
    let range = response.headers().get(CONTENT_RANGE);
    let starts_there = range
        .and_then(|range| range.to_str().ok())
        .is_some_and(|range| range.starts_with(&format!("bytes {from}-")));
    match response.status().as_u16() {
        200 => Ok(Reply::Whole(Box::new(response.into_body().into_reader()))),
        206 if starts_there => Ok(Reply::Rest(Box::new(response.into_body().into_reader()))),
        206 | 416 if from > 0 => Ok(Reply::NoRest),
        _ => Err(format!("it answers {}", response.status())),
    }
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .timeout_per_write(Some(SILENCE));
    config.build().new_agent()
}
