//! A small HTTP server in a thread of the test.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use sae_data::fetch::Mirror;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The path.
    pub path: String,
    /// The first byte, where only the rest is wanted.
    pub from: Option<usize>,
}

/// A server; its thread ends with the tests.
pub struct Server {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request by `answer`, after which the connection is closed.
    pub fn start(answer: impl Fn(&Request, &mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/sets", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read(&stream);
                seen.lock().unwrap().push(request.clone());
                answer(&request, &mut stream);
            }
        });
        Self { url, requests }
    }

    /// The server as a mirror.
    pub fn mirror(&self) -> Mirror {
        Mirror::parse(&self.url).unwrap()
    }

    /// The first bytes that were asked for, request by request.
    pub fn asked(&self) -> Vec<Option<usize>> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|request| request.from).collect()
    }

    /// The paths that were asked for.
    pub fn paths(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .map(|request| request.path.clone())
            .collect()
    }
}

fn read(stream: &TcpStream) -> Request {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let path = first.split(' ').nth(1).unwrap().to_owned();
    let mut from = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        let line = line.to_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = Some(range.trim_end_matches('-').parse().unwrap());
        }
    }
    Request { path, from }
}

/// Sends the head of an answer. The client may have gone away.
pub fn head(stream: &mut TcpStream, status: &str, headers: &str) {
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n"
    );
}

/// Answers as servers do: the whole, or what is asked for of it.
pub fn send(request: &Request, stream: &mut TcpStream, bytes: &[u8]) {
    send_some(request, stream, bytes, bytes.len());
}

/// As [`send`], but no more than `most` bytes are really sent.
pub fn send_some(request: &Request, stream: &mut TcpStream, bytes: &[u8], most: usize) {
    let (from, all) = (request.from.unwrap_or(0), bytes.len());
    if from >= all {
        return head(stream, "416 Range Not Satisfiable", "Content-Length: 0\r\n");
    }
    let length = format!("Content-Length: {}\r\n", all - from);
    match request.from {
        None => head(stream, "200 OK", &length),
        Some(from) => {
            let range = format!("Content-Range: bytes {from}-{}/{all}\r\n", all - 1);
            head(stream, "206 Partial Content", &format!("{length}{range}"));
        }
    }
    let _ = stream.write_all(&bytes[from..all.min(from + most)]);
}
