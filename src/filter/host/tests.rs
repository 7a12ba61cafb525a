use super::*;

#[test]
fn without_a_host_every_call_returns_unavailable() {
    let gone = Error::Unavailable;
    assert_eq!(now(), Err(gone));
    assert_eq!(now_microseconds(), 0);
    assert_eq!(plugin_configuration(1), Err(gone));
    assert_eq!(set_tick_period(Duration::from_secs(1)), Err(gone));
    assert_eq!(verify_signature(b""), None);
    assert_eq!(header_bytes(Map::Request), Err(gone));
    assert_eq!(replace_header(Map::Request, b"a", b"\xff"), Err(gone));
    assert_eq!(remove_header(Map::Request, b"a"), Err(gone));
    assert_eq!(header_bytes(Map::RequestTrailers), Err(gone));
    assert_eq!(remove_header(Map::RequestTrailers, b"a"), Err(gone));
    assert_eq!(add_header(Map::Response, b"a", b"\xff"), Err(gone));
    assert_eq!(replace_header(Map::Response, b"a", b"\xff"), Err(gone));
    assert_eq!(remove_header(Map::Response, b"a"), Err(gone));
    let reply = LocalReply::internal();
    assert_eq!(send_local_response(&reply), Err(gone));
    assert_eq!(continue_stream(Stream::Request), Err(gone));
    assert_eq!(set_effective_context(1), Err(gone));
    assert_eq!(set_property(b"a", b"b"), Err(gone));
    assert_eq!(shared_data(b"a"), Err(gone));
    assert_eq!(set_shared_data(b"a", b"b", 1), Err(gone));
    assert_eq!(dispatch_http_call("a", &[], Duration::ZERO), Err(gone));
    assert_eq!(http_call_header_bytes(1), Err(gone));
    assert_eq!(http_call_body(1, 1), Err(gone));
    assert_eq!(define_metric(MetricKind::Counter, b"a"), Err(gone));
    assert_eq!(define_metric(MetricKind::Gauge, b"a"), Err(gone));
    assert_eq!(define_metric(MetricKind::Histogram, b"a"), Err(gone));
    log(log::Level::Info, "not logged");
}

#[test]
fn a_failed_call_has_no_headers_and_no_body() {
    assert_eq!(http_call_header_bytes(0), Ok(Vec::new()));
    assert_eq!(http_call_body(0, 10), Ok(Vec::new()));
}

#[test]
fn refuses_too_large_buffers_before_copying() {
    assert_eq!(http_call_body(11, 10), Err(Error::TooLarge));
    assert_eq!(
        plugin_configuration(configuration::MAX_BYTES + 1),
        Err(Error::TooLarge)
    );
}

#[test]
fn every_status_is_an_error_with_a_message() {
    assert_eq!(Error::check(0), Ok(()));
    for status in (1..100).chain([u32::MAX]) {
        let error = Error::check(status).unwrap_err();
        assert!(!error.to_string().is_empty());
    }
    assert_eq!(Error::check(1), Err(Error::NotFound));
    assert_eq!(Error::check(2), Err(Error::BadArgument));
    assert_eq!(Error::check(8), Err(Error::CasMismatch));
    assert_eq!(Error::check(10), Err(Error::InternalFailure));
    assert_eq!(Error::check(6), Err(Error::Other(6)));
}

#[test]
fn durations_become_milliseconds_that_envoy_takes() {
    assert_eq!(milliseconds(Duration::ZERO), 1);
    assert_eq!(milliseconds(Duration::from_micros(1)), 1);
    assert_eq!(milliseconds(Duration::from_secs(2)), 2_000);
    assert_eq!(milliseconds(Duration::MAX), 0x7fff_ffff);
}

#[test]
fn random_numbers_differ() {
    assert_ne!(random(), random());
}
