//! The key is in the request header, and nowhere else.

use std::io::Write;
use std::process::Stdio;

use anyhow::Context;

use crate::support::tool::{KEY, repository};
use crate::support::{Place, Result, Running, Simulator, not_checked, until};

/// Any part of the key that is long enough to be of use.
fn is_told(bytes: &[u8]) -> bool {
    let secret = KEY.trim_start_matches("sk_test_").as_bytes();
    bytes.windows(secret.len()).any(|window| window == secret)
}

#[test]
fn the_key_is_in_no_file_no_output_and_no_argument() -> Result<()> {
    let place = Place::new()?;
    std::fs::copy(repository("samples/customers.csv"), place.path("c.csv"))?;
    let (journal, transcript) = (place.path("journal"), place.path("transcript"));
    let [journal, transcript] =
        [journal, transcript].map(|path| path.to_string_lossy().into_owned());
    #[rustfmt::skip]
    let simulator = Simulator::start(&place, &["--on-demand", "on", "--limits", "off", "--latency", "20", "--journal", &journal, "--transcript", &transcript])?;
    #[rustfmt::skip]
    let run = place.start_against(&simulator, &["run", "c.csv", "--json", "--log", "log", "--metrics-file", "pmclone.prom"])?;
    simulator.until_requests(20)?;
    let arguments = std::fs::read(format!("/proc/{}/cmdline", run.id()?));
    // No core dump, for whatever reason the process breaks off.
    if let Ok(limits) = std::fs::read_to_string(format!("/proc/{}/limits", run.id()?)) {
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        let words = line.unwrap_or_default().split_whitespace();
        assert_eq!(words.filter(|word| *word == "0").count(), 2, "{line:?}");
    }
    let ended = run.wait()?.with(3)?;
    assert!(
        !is_told(ended.out.as_bytes()) && !is_told(ended.err.as_bytes()),
        "{}",
        ended.err
    );
    // Only where the system tells them.
    if let Ok(arguments) = arguments {
        assert!(!is_told(&arguments));
    }
    for args in [
        &["report", "-o", "report.html", "--unmasked"][..],
        &["refused", "--csv", "refused.csv"],
        &["export", "--receipts", "receipts", "-o", "mapping.csv"],
    ] {
        place.pmclone(args)?.with(0)?;
    }
    let files = place.listing()?;
    for name in ["log", "pmclone.prom", "report.html", "pmclone.db"] {
        assert!(files.contains(name), "{name} was not looked at");
    }
    for name in files {
        let path = place.path(&name);
        assert!(
            path.is_dir() || !is_told(&std::fs::read(path)?),
            "the key is in {name}"
        );
    }
    for path in [
        "/_sim/transcript",
        "/_sim/state",
        "/_sim/requests",
        "/_sim/customers",
    ] {
        assert!(
            !is_told(simulator.get(path)?.as_bytes()),
            "the key is in {path}"
        );
    }
    for args in [
        &["status"][..],
        &["status", "--json"],
        &["export"],
        &["status", "--watch", "--help"],
        &["explain", "1001"],
        &["explain", "1001", "--json"],
        &["refused"],
    ] {
        let ended = place.pmclone(args)?;
        assert!(!is_told(ended.out.as_bytes()) && !is_told(ended.err.as_bytes()));
    }
    Ok(())
}

#[test]
fn the_key_can_come_from_a_file_or_from_stdin() -> Result<()> {
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    place.put("c.csv", "legacy_id,email,payment_method,connected_account\n1,a@example.com,pm_1A,acct_1A\n2,b@example.com,pm_1B,acct_1A\n")?;
    place.put("key", format!("{KEY}\n"))?;
    let base = ["--api-base", &simulator.url, "--rate", "off"];
    let ended = place
        .pmclone_keyless(
            &[
                &["run", "c.csv", "--limit", "1", "--api-key-file", "key"],
                &base[..],
            ]
            .concat(),
        )?
        .with(8)?;
    assert!(ended.err.contains("chmod 600"), "{}", ended.err);
    let mut command = place.keyless(&[&["resume", "--api-key-file", "-"], &base[..]].concat());
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(KEY.as_bytes())?;
    }
    until("the end of the run", || Ok(child.try_wait()?.is_some()))?;
    assert_eq!(child.wait()?.code(), Some(0));
    Ok(())
}

/// Slow, since the run waits ten seconds for the reader: a part of the full-size tests.
#[test]
#[ignore = "waits for a reader; run with --include-ignored"]
fn erased_details_that_a_reader_keeps_in_the_log_are_told_and_gone_after_the_next_run() -> Result<()>
{
    const HEADER: &str = "legacy_id,email,payment_method,connected_account\n";
    let place = Place::new()?;
    let simulator = Simulator::on_demand(&place)?;
    let first = format!("{HEADER}1,first@example.com,pm_1First,acct_1A\n");
    place.put("c.csv", &first)?;
    let run = ["run", "c.csv"];
    place.against(&simulator, &run)?.with(0)?;
    let reader = pmclone::store::open_readonly(&place.path("pmclone.db"))?;
    reader.execute_batch("BEGIN; SELECT count(*) FROM customer")?;
    place.put(
        "c.csv",
        format!("{first}2,quetzal@example.com,pm_1Second,acct_1A\n"),
    )?;
    let ended = place.against(&simulator, &run)?.with(0)?;
    assert!(
        ended.err.contains("may still be in this log"),
        "{}",
        ended.err
    );
    drop(reader);
    let ended = place.against(&simulator, &["resume"])?.with(0)?;
    assert!(!ended.err.contains("may still be"), "{}", ended.err);
    for name in place
        .listing()?
        .iter()
        .filter(|name| name.starts_with("pmclone.db"))
    {
        let bytes = std::fs::read(place.path(name))?;
        assert!(
            !bytes.windows(7).any(|window| window == b"quetzal"),
            "in {name}"
        );
    }
    Ok(())
}

/// The environment of a child of `parent`, as the kernel tells it; none where there is no child, or where it is not told.
fn environment_of_a_child(parent: u32) -> Option<Vec<u8>> {
    let processes = std::fs::read_dir("/proc").ok()?;
    let of_parent = format!("PPid:\t{parent}\n");
    processes.flatten().find_map(|process| {
        let status = std::fs::read_to_string(process.path().join("status")).ok()?;
        let environment = || std::fs::read(process.path().join("environ")).ok();
        let environment = status.contains(&of_parent).then(environment)??;
        // Not yet, or not any more, the program.
        (!environment.is_empty()).then_some(environment)
    })
}

#[cfg(target_os = "linux")]
#[test]
fn the_children_of_a_drill_do_not_get_the_key() -> Result<()> {
    let place = Place::new()?;
    place.sample("c.csv", 20, 2, 5)?;
    let mut drill = place.start(&["drill", "c.csv", "--kills", "1000"])?;
    let parent = drill.id()?;
    // Between fork and exec a child still has its parent's.
    let drills = b"STRIPE_API_KEY=sk_test_drill\0";
    let mut seen = Vec::new();
    until("a child of the drill", || {
        seen = environment_of_a_child(parent).unwrap_or_default();
        let has = |word: &[u8]| seen.windows(word.len()).any(|part| part == word);
        let readable = std::fs::read(format!("/proc/{parent}/environ")).is_ok();
        Ok(has(drills) || !readable || !drill.is_on()?)
    })?;
    if std::fs::read(format!("/proc/{parent}/environ")).is_ok() {
        assert!(!seen.is_empty() && !is_told(&seen));
    }
    // Not killed: it has a scratch folder to clear away.
    drill.signal("INT")?;
    drill.wait()?.with(130)?;
    Ok(())
}

#[test]
fn plain_http_goes_to_loopback_alone() -> Result<()> {
    let place = Place::new()?;
    place.put(
        "c.csv",
        "legacy_id,payment_method,connected_account\n1,pm_1A,acct_1A\n",
    )?;
    for base in [
        "http://api.stripe.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://[2001:db8::1]",
        "http://0.0.0.0",
        "ftp://127.0.0.1",
    ] {
        let ended = place
            .pmclone(&["run", "c.csv", "--api-base", base])?
            .with(2)?;
        assert!(!is_told(ended.err.as_bytes()), "{}", ended.err);
        assert!(!place.path("pmclone.db").exists());
    }
    Ok(())
}

/// A certificate for this machine by an authority of our own, which no machine knows.
const CERTIFICATE: &str = "
key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
openssl req -x509 $key -keyout ca.key -out ca.pem -subj /CN=pmclone-test -days 2
openssl req $key -keyout own.key -out own.csr -subj /CN=localhost
echo 'subjectAltName=DNS:localhost,IP:127.0.0.1' > own.ext
openssl x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile own.ext -out own.pem
";

/// Answers as Stripe answers a key that it does not know, and writes what it was sent to `received`; to `turned-away`, why a client
/// broke the handshake off.
const SERVER: &str = r#"
import http.server, ssl
class Stripe(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        open('received', 'a').write(self.path + '\n')
        body = b'{"error":{"type":"invalid_request_error","message":"Invalid API Key provided"}}'
        self.send_response(401)
        self.send_header('Request-Id', 'req_1')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words): pass
class Server(http.server.ThreadingHTTPServer):
    def get_request(self):
        try: return super().get_request()
        except OSError as error:
            open('turned-away', 'a').write(str(error) + '\n')
            raise
server = Server(('127.0.0.1', 0), Stripe)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('own.pem', 'own.key')
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

#[cfg(target_os = "linux")]
#[test]
fn https_trusts_the_authorities_of_the_system_and_no_others() -> Result<()> {
    let place = Place::new()?;
    let here = place.path("");
    let mut made = std::process::Command::new("sh");
    made.args(["-ec", CERTIFICATE]).current_dir(&here);
    let mut serve = std::process::Command::new("python3");
    serve
        .args(["-c", SERVER])
        .current_dir(&here)
        .stdout(Stdio::piped());
    if !made.output().is_ok_and(|made| made.status.success()) {
        not_checked("this machine has no openssl");
        return Ok(());
    }
    let mut server = serve.spawn()?;
    let mut port = String::new();
    let stdout = server.stdout.take().context("no stdout")?;
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut port)?;
    let _server = Running::of(server);
    let base = format!("https://localhost:{}", port.trim());
    place.put(
        "c.csv",
        "legacy_id,payment_method,connected_account\n1,pm_1A,acct_1A\n",
    )?;
    let run = ["run", "c.csv", "--api-base", &base];
    // The system's own: ours is not among them, and no request is sent, so no key.
    let stranger = place.start(&run)?;
    until("a handshake that is broken off", || {
        Ok(place.path("turned-away").exists())
    })?;
    stranger.signal("INT")?;
    stranger.wait()?.with(130)?;
    let why = std::fs::read_to_string(place.path("turned-away"))?;
    assert!(
        why.contains("unknown ca") || why.contains("UNKNOWN_CA"),
        "{why}"
    );
    assert!(!place.path("received").exists());
    // The system's, where it is said which they are.
    let known = place
        .command(&run)
        .env("SSL_CERT_FILE", place.path("ca.pem"))
        .output()?;
    assert_eq!(known.status.code(), Some(6), "{known:?}");
    assert_eq!(
        std::fs::read_to_string(place.path("received"))?,
        "/v1/account\n"
    );
    Ok(())
}
