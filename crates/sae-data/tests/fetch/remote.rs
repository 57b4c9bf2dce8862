//! Servers that behave, and servers that do not.

use std::io::Write;
use std::net::TcpListener;

use sae_data::fetch::Mirror;

use crate::server::{Server, head, send, send_some};
use crate::{Place, file, noise, sha256};

/// Bytes of the file in these tests: several reads.
const SIZE: usize = 200_000;

fn server_of(bytes: &[u8]) -> Server {
    let bytes = bytes.to_vec();
    Server::start(move |request, stream| send(request, stream, &bytes))
}

#[test]
fn files_are_downloaded() {
    let (place, a, b) = (Place::new(), noise(1, SIZE), noise(2, 10));
    let (first, second) = (a.clone(), b.clone());
    let server = Server::start(move |request, stream| {
        let bytes = if request.path.ends_with("/a.gz") {
            &first
        } else {
            &second
        };
        send(request, stream, bytes);
    });
    let files = [file("a.gz", &a), file("b.gz", &b)];
    let (events, result) = place.fetch(&files, &[server.mirror()]);
    result.unwrap();
    assert_eq!(events, ["from 0", "finished", "from 0", "finished"]);
    assert_eq!(server.paths(), ["/sets/a.gz", "/sets/b.gz"]);
    assert_eq!(place.names(), ["a.gz", "b.gz"]);
    assert!(place.read("a.gz") == a && place.read("b.gz") == b);

    place.fetch(&files, &[server.mirror()]).1.unwrap();
    assert_eq!(
        server.paths().len(),
        2,
        "what is there is not fetched again"
    );
}

#[test]
fn a_part_is_continued() {
    let (place, a) = (Place::new(), noise(1, SIZE));
    let server = server_of(&a);
    place.put("a.gz.part", &a[..70_000]);
    let (events, result) = place.fetch(&[file("a.gz", &a)], &[server.mirror()]);
    result.unwrap();
    assert_eq!(events, ["from 70000", "finished"]);
    assert_eq!(server.asked(), [Some(70_000)]);
    assert_eq!(place.names(), ["a.gz"]);
    assert!(place.read("a.gz") == a);
}

#[test]
fn a_part_that_is_whole_needs_its_name_only() {
    let (place, a) = (Place::new(), noise(1, SIZE));
    let server = server_of(&a);
    place.put("a.gz.part", &a);
    place
        .fetch(&[file("a.gz", &a)], &[server.mirror()])
        .1
        .unwrap();
    assert_eq!(server.asked(), []);
    assert_eq!(place.names(), ["a.gz"]);
}

#[test]
fn a_server_may_send_all_where_the_rest_is_wanted() {
    let (place, a) = (Place::new(), noise(1, SIZE));
    let bytes = a.clone();
    let server = Server::start(move |request, stream| {
        let mut request = request.clone();
        request.from = None;
        send(&request, stream, &bytes);
    });
    place.put("a.gz.part", &a[..70_000]);
    let (events, result) = place.fetch(&[file("a.gz", &a)], &[server.mirror()]);
    result.unwrap();
    assert_eq!(events, ["from 0", "finished"]);
    assert_eq!(server.asked(), [Some(70_000)]);
    assert!(place.read("a.gz") == a);
}

#[test]
fn a_part_of_something_else_is_fetched_anew() {
    let (place, a) = (Place::new(), noise(1, SIZE));
    let server = server_of(&a);
    place.put("a.gz.part", &noise(2, 70_000));
    place
        .fetch(&[file("a.gz", &a)], &[server.mirror()])
        .1
        .unwrap();
    assert_eq!(server.asked(), [Some(70_000), None]);
    assert!(place.read("a.gz") == a);
}

#[test]
fn a_part_that_is_too_long_is_fetched_anew() {
    let (place, a) = (Place::new(), noise(1, SIZE));
    let server = server_of(&a);
    place.put("a.gz.part", &noise(2, SIZE + 1));
    place
        .fetch(&[file("a.gz", &a)], &[server.mirror()])
        .1
        .unwrap();
    assert_eq!(
        server.asked(),
        [Some(SIZE + 1), None],
        "the first answer is 416"
    );
    assert!(place.read("a.gz") == a);
}

#[test]
fn a_range_that_was_not_asked_for_is_not_taken() {
    let (place, a) = (Place::new(), noise(1, SIZE));
    let bytes = a.clone();
    let server = Server::start(move |request, stream| {
        let mut request = request.clone();
        request.from = request.from.map(|from| from + 1);
        send(&request, stream, &bytes);
    });
    place.put("a.gz.part", &a[..70_000]);
    place
        .fetch(&[file("a.gz", &a)], &[server.mirror()])
        .1
        .unwrap();
    assert_eq!(server.asked(), [Some(70_000), None]);
    assert!(place.read("a.gz") == a);
}

#[test]
fn a_connection_that_breaks_is_taken_up_again() {
    let (place, a) = (Place::new(), noise(1, SIZE));
    let bytes = a.clone();
    let server = Server::start(move |request, stream| send_some(request, stream, &bytes, SIZE / 2));
    let (events, result) = place.fetch(&[file("a.gz", &a)], &[server.mirror()]);
    result.unwrap();
    assert_eq!(server.asked(), [None, Some(SIZE / 2)]);
    assert_eq!(
        (events[0].as_str(), events[2].as_str()),
        ("from 0", "from 100000")
    );
    assert!(place.read("a.gz") == a);
}

#[test]
fn what_came_before_all_mirrors_failed_is_for_the_next_time() {
    let (place, a) = (Place::new(), noise(1, SIZE));
    let bytes = a.clone();
    let server = Server::start(move |request, stream| match request.from {
        None => send_some(request, stream, &bytes, 50_000),
        Some(_) => head(stream, "503 Service Unavailable", "Content-Length: 0\r\n"),
    });
    let error = place
        .fetch(&[file("a.gz", &a)], &[server.mirror()])
        .1
        .unwrap_err();
    assert!(
        !error.is_input() && error.to_string().contains("503"),
        "{error}"
    );
    assert_eq!(place.names(), ["a.gz.part"]);
    assert!(place.read("a.gz.part") == a[..50_000]);

    let server = server_of(&a);
    place
        .fetch(&[file("a.gz", &a)], &[server.mirror()])
        .1
        .unwrap();
    assert_eq!(server.asked(), [Some(50_000)]);
    assert!(place.read("a.gz") == a);
}

/// A server at which nobody listens.
fn nobody() -> Mirror {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    Mirror::parse(&format!("http://{address}")).unwrap()
}

#[test]
fn the_next_mirror_is_tried() {
    let (place, a) = (Place::new(), noise(1, SIZE));
    let lacks = Server::start(|_, stream| {
        head(stream, "404 Not Found", "Content-Length: 4\r\n");
        let _ = stream.write_all(b"none");
    });
    let (wrong, right) = (server_of(&noise(2, SIZE)), server_of(&a));
    let mirrors = [nobody(), lacks.mirror(), wrong.mirror(), right.mirror()];
    let (events, result) = place.fetch(&[file("a.gz", &a)], &mirrors);
    result.unwrap();
    assert!(events[0].starts_with("failed: "), "{events:?}");
    assert_eq!(events[1], "failed: it answers 404 Not Found");
    assert!(
        events[3].starts_with("failed: its SHA-256 is "),
        "{events:?}"
    );
    assert_eq!(events[4..], ["from 0", "finished"]);
    assert_eq!((wrong.asked(), right.asked()), (vec![None], vec![None]));
    assert_eq!(place.names(), ["a.gz"]);
    assert!(place.read("a.gz") == a);
}

#[test]
fn wrong_content_leaves_nothing() {
    let (place, a, other) = (Place::new(), noise(1, SIZE), noise(2, SIZE));
    let server = server_of(&other);
    let error = place
        .fetch(&[file("a.gz", &a)], &[server.mirror()])
        .1
        .unwrap_err();
    let sums = format!("its SHA-256 is {}; expected {}", sha256(&other), sha256(&a));
    let mirror = server.mirror();
    assert_eq!(
        error.to_string(),
        format!("a.gz cannot be fetched: {mirror}: {sums}")
    );
    assert!(!error.is_input() && !place.is_there());
}

#[test]
fn a_body_without_end_is_cut() {
    let (place, a) = (Place::new(), noise(1, SIZE));
    let server = Server::start(|_, stream| {
        head(stream, "200 OK", "");
        while stream.write_all(&[7; 1 << 14]).is_ok() {}
    });
    let error = place
        .fetch(&[file("a.gz", &a)], &[server.mirror()])
        .1
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("it sends more than 365536 bytes"),
        "{error}"
    );
    assert!(!place.is_there());
}
