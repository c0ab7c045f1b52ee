use super::*;

const BODY: &[u8] = b"{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";
const AT: i64 = 1_492_774_577;
/// Computed with Python's `hmac`, not with the code under test: of [`BODY`] under `whsec_test_secret`, and under `whsec_other`.
const OURS: &str = "c2f890decbc5ede7c5060bb9a6d31e0626a4342bacb9aeae2adb1bcea72f9812";
const OTHER: &str = "3fe65a6024cef88f0e48e8d5e441b3047c72bead93e8c88debbac1db39172e5d";

fn secrets(text: &str) -> Secrets {
    Secrets::parse([text]).unwrap()
}

fn verified(header: &str, now: i64) -> Result<(), Unsigned> {
    secrets("whsec_test_secret").verify(header, BODY, now)
}

#[test]
fn a_signature_that_another_implementation_made_holds() {
    assert_eq!(verified(&format!("t={AT},v1={OURS}"), AT), Ok(()));
    let capitals = OURS.to_uppercase();
    assert_eq!(verified(&format!("t={AT}, v1={capitals}"), AT), Ok(()));
}

#[test]
fn the_table_of_headers() {
    let cases = [
        (format!("v1={OTHER},t={AT},v1={OURS},v0={OTHER}"), Ok(())),
        (format!("t={AT},v1={OTHER}"), Err(Unsigned::Forged)),
        (format!("t={AT},v0={OURS}"), Err(Unsigned::Forged)),
        (format!("t={AT},v1={}", &OURS[2..]), Err(Unsigned::Forged)),
        (format!("t={AT},v1={OURS}00"), Err(Unsigned::Forged)),
        (format!("t={AT}"), Err(Unsigned::Forged)),
        (format!("t={},v1={OURS}", AT + 1), Err(Unsigned::Forged)),
        (format!("t=0{AT},v1={OURS}"), Err(Unsigned::Forged)),
        (format!("t={AT},t={AT},v1={OURS}"), Err(Unsigned::Malformed)),
        (format!("v1={OURS}"), Err(Unsigned::Malformed)),
        (format!("t=-1,v1={OURS}"), Err(Unsigned::Malformed)),
        (format!("t=,v1={OURS}"), Err(Unsigned::Malformed)),
        (
            format!("t=99999999999999999999,v1={OURS}"),
            Err(Unsigned::Malformed),
        ),
        (format!("t={AT},v1={OURS},"), Err(Unsigned::Malformed)),
        (
            format!("t={AT}{}", format!(",v1={OURS}").repeat(17)),
            Err(Unsigned::Malformed),
        ),
        (String::new(), Err(Unsigned::Malformed)),
        ("ключ".to_owned(), Err(Unsigned::Malformed)),
    ];
    for (header, expected) in cases {
        assert_eq!(verified(&header, AT), expected, "{header}");
    }
}

#[test]
fn a_changed_body_is_forged() {
    let header = format!("t={AT},v1={OURS}");
    let secrets = secrets("whsec_test_secret");
    for at in 0..BODY.len() {
        let mut body = BODY.to_vec();
        body[at] ^= 1;
        assert_eq!(secrets.verify(&header, &body, AT), Err(Unsigned::Forged));
    }
    assert_eq!(
        secrets.verify(&header, &BODY[1..], AT),
        Err(Unsigned::Forged)
    );
}

#[test]
fn while_a_secret_is_rolled_either_will_do() {
    let both = Secrets::parse(["whsec_new,\n whsec_test_secret\n", "whsec_third"]).unwrap();
    assert_eq!(both.count(), 3);
    assert_eq!(both.verify(&format!("t={AT},v1={OURS}"), BODY, AT), Ok(()));
    assert_eq!(
        secrets("whsec_other").verify(&format!("t={AT},v1={OURS},v1={OTHER}"), BODY, AT),
        Ok(())
    );
}

#[test]
fn five_minutes_either_way_and_no_more() {
    let header = format!("t={AT},v1={OURS}");
    for (now, ahead_seconds) in [(AT + 301, -301), (AT - 301, 301), (i64::MAX, AT - i64::MAX)] {
        assert_eq!(
            verified(&header, now),
            Err(Unsigned::OutOfTime { ahead_seconds })
        );
    }
    assert_eq!(verified(&header, AT + 300), Ok(()));
    assert_eq!(verified(&header, AT - 300), Ok(()));
    // Who has no secret is told nothing about clocks.
    assert_eq!(
        verified(&format!("t={AT},v1={OTHER}"), AT + 301),
        Err(Unsigned::Forged)
    );
}

#[test]
fn what_is_no_secret_is_refused_and_not_shown() {
    let cases = [
        ("", InvalidSecret::None),
        (" ,\n", InvalidSecret::None),
        ("sk_test_hunter2", InvalidSecret::ApiKey),
        ("whsec_", InvalidSecret::Unknown),
        ("whsec_ab\u{e9}hunter2", InvalidSecret::Unknown),
        ("hunter2", InvalidSecret::Unknown),
        ("whsec_a whsec_b hunter2", InvalidSecret::Unknown),
    ];
    for (text, expected) in cases {
        let error = Secrets::parse([text]).unwrap_err();
        assert_eq!(error, expected, "{text:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    assert_eq!(format!("{:?}", secrets("whsec_hunter2")), "[redacted]");
}
