//! What the companion reads from Redis, and from cookies once they are opened: sessions, tickets and
//! the list of revocations, each as JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::fuzzing::{opens_after_edit, read_revocation_state, read_session, read_ticket};

fuzz_target!(|data: &[u8]| {
    for read in [read_session, read_ticket] {
        if let Some(written) = read(data) {
            assert_eq!(read(&written), Some(written), "written the same");
        }
    }
    match read_revocation_state(data) {
        Ok(written) => {
            let again = read_revocation_state(written.as_bytes());
            assert_eq!(again.as_ref(), Ok(&written), "written the same");
        }
        Err(error) => assert!(!error.is_empty()),
    }
    // A sealed record opens only as it was sealed.
    if read_session(data).is_some() {
        assert_eq!(opens_after_edit(data, |_| {}), Some(true));
        for at in [0, data.len() / 2, data.len()] {
            let opened = opens_after_edit(data, |sealed| {
                let at = at.min(sealed.len() - 1);
                sealed[at] ^= 0x40;
            });
            assert_eq!(opened, Some(false), "a changed byte is not seen");
        }
        let opened = opens_after_edit(data, |sealed| {
            sealed.pop();
        });
        assert_eq!(opened, Some(false), "a missing byte is not seen");
    }
});
