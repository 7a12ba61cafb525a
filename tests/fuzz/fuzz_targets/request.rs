//! The request canonicalizer. Lines: method, authority, path with query.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_core::request::{Headers, Request, lenient_path, path};
use portcullis_fuzz::{lines, percent_decoded};
use url::{Host, Url};

/// More levels of percent-encoding than any server decodes.
const LEVELS: usize = 4;

fn read<'a>(method: &'a [u8], authority: &'a [u8], target: &'a [u8]) -> Option<Request<'a>> {
    let fields: [(&[u8], &[u8]); 3] = [
        (b":method", method),
        (b":authority", authority),
        (b":path", target),
    ];
    Request::read(&Headers::new(fields.to_vec())).ok()
}

fuzz_target!(|data: &[u8]| {
    let mut lines = lines(data);
    let [method, authority, target] = std::array::from_fn(|_| lines.next().unwrap_or_default());
    let Some(request) = read(method, authority, target) else {
        return;
    };
    let (host, path_text) = (request.host().to_owned(), request.path());

    let again = read(
        request.method().as_bytes(),
        host.as_bytes(),
        path_text.as_bytes(),
    );
    let again = again.expect("the canonical form has a canonical form");
    assert_eq!(again.method(), request.method());
    assert_eq!((again.host(), again.path()), (&*host, path_text));
    let is_encoded = request.has_encoded_separator();
    assert_eq!(lenient_path(target), Ok((path_text, is_encoded)));
    assert_eq!(path(target).is_ok(), !is_encoded);
    if is_encoded {
        // Only an app that reads it literally gets it, so what it decodes to does not matter.
        return;
    }
    assert!(target.starts_with(path_text.as_bytes()));
    assert!(
        path_text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"?#\\;".contains(&byte))
    );

    let mut decoded = path_text.as_bytes().to_vec();
    for level in 0..=LEVELS {
        let mut segments = decoded
            .split(|byte| matches!(byte, b'/' | b'\\'))
            .skip(1)
            .peekable();
        while let Some(segment) = segments.next() {
            assert!(
                segment != b"." && segment != b"..",
                "a dot segment, decoded {level} times"
            );
            assert!(
                !segment.is_empty() || segments.peek().is_none(),
                "an empty segment"
            );
        }
        assert!(
            !decoded.iter().any(u8::is_ascii_control),
            "a control, decoded {level} times"
        );
        decoded = percent_decoded(&decoded);
    }

    // A browser or proxy that follows the URL standard sees the same path.
    let url = Url::parse(&format!("https://a.example{path_text}")).expect("a URL");
    assert_eq!(
        percent_decoded(url.path().as_bytes()),
        percent_decoded(path_text.as_bytes())
    );
    // And the same host, if it is one there: `xn--a` is not.
    if let Ok(url) = Url::parse(&format!("https://{host}/"))
        && let Some(Host::Domain(domain)) = url.host()
    {
        assert_eq!(domain, host);
    }
});
