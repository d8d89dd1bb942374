//! A static file server, as plain as the hosts that the page must work from: no header that such a
//! host would not send.

use std::{
    fs::File,
    io::{self, Write},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use tiny_http::{Method, Request, Server};

use crate::{
    error::{Error, Result},
    page::{self, Build},
    project::Project,
};

/// Ports tried from the first one on.
const PORTS_TRIED: u16 = 50;
/// Answering threads. A browser opens six connections to a host.
const THREADS: usize = 8;

pub struct Options {
    port: u16,
    at: String,
}

impl Options {
    pub fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self {
            port: 8080,
            at: "/".into(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match (*word, words.next()) {
                ("--port", Some(port)) => {
                    options.port = port
                        .parse()
                        .map_err(|_| Error::Usage(format!("`{port}` is not a port number.")))?;
                }
                ("--at", Some(path)) => {
                    options.at = format!("/{}/", path.trim_matches('/')).replace("//", "/");
                }
                _ => {
                    return Err(Error::Usage(format!(
                        "serve takes --port N and --at /PATH/, not `{word}`."
                    )));
                }
            }
        }
        Ok(options)
    }
}

/// Builds the page and serves it until interrupted.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let folder = page::build(project, Build::Local, None)?;
    let address = start(folder, &options.at, options.port)?;
    println!("\nAtelier is at {address} (Ctrl-C ends it)");
    loop {
        thread::park();
    }
}

/// Serves `folder` below the path `at` (begins and ends in `/`) for as long as this process lives,
/// on `port` or the next free one. Its address.
pub fn start(folder: PathBuf, at: &str, port: u16) -> Result<String> {
    let last = port.saturating_add(PORTS_TRIED);
    let Some((server, port)) = (port..=last).find_map(|port| {
        let server = Server::http((Ipv4Addr::LOCALHOST, port)).ok()?;
        Some((Arc::new(server), port))
    }) else {
        return Err(Error::Other(format!(
            "No port from {port} to {last} is free; give another with --port."
        )));
    };
    for _ in 0..THREADS {
        let (server, folder, at) = (server.clone(), folder.clone(), at.to_owned());
        thread::spawn(move || {
            while let Ok(request) = server.recv() {
                // A visitor who goes away in the middle is no concern of ours.
                let _ = answer(request, &folder, &at);
            }
        });
    }
    Ok(format!("http://127.0.0.1:{port}{at}"))
}

fn answer(request: Request, folder: &Path, at: &str) -> io::Result<()> {
    let sends_body = match request.method() {
        Method::Get => true,
        Method::Head => false,
        _ => return say(request, "405 Method Not Allowed"),
    };
    let file = file_of(request.url(), at).map(|path| {
        let path = folder.join(path);
        if path.is_dir() {
            path.join("index.html")
        } else {
            path
        }
    });
    let Some((mut file, path)) = file.and_then(|path| Some((File::open(&path).ok()?, path))) else {
        return say(request, "404 Not Found");
    };
    let mut out = request.into_writer();
    head(&mut out, "200 OK", mime_type(&path), file.metadata()?.len())?;
    if sends_body {
        io::copy(&mut file, &mut out)?;
    }
    out.flush()
}

/// An answer that is its own status.
fn say(request: Request, status: &str) -> io::Result<()> {
    let mut out = request.into_writer();
    head(&mut out, status, "text/plain", status.len() as u64)?;
    write!(out, "{status}")?;
    out.flush()
}

/// Each connection serves one request: tiny_http's pool may put a connection behind others that are kept
/// alive when several come at once, and a browser would wait for it for ever.
fn head(out: &mut impl Write, status: &str, mime_type: &str, length: u64) -> io::Result<()> {
    write!(
        out,
        "HTTP/1.1 {status}\r\nContent-Type: {mime_type}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-cache\r\nConnection: close\r\n\r\n"
    )
}

/// The file that `url` asks for, relative to the folder; none when it lies outside.
fn file_of(url: &str, at: &str) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?;
    let path = percent_decoded(path)?;
    let path = path.strip_prefix(at)?;
    let plain = |part: &str| part != ".." && !part.contains(['\\', ':', '\0']);
    path.split('/')
        .all(plain)
        .then(|| PathBuf::from(path.trim_start_matches('/')))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

fn mime_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Read},
        net::TcpStream,
        time::Duration,
    };

    use super::*;

    /// Asks as a browser does, which closes the connection when it is told to and has everything.
    fn ask(host: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(host).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        let mut lines = BufReader::new(stream);
        while !answer.ends_with("\r\n\r\n") {
            assert!(lines.read_line(&mut answer).unwrap() > 0, "{answer}");
        }
        assert!(answer.contains("Connection: close\r\n"), "{answer}");
        let length = answer.split("Content-Length: ").nth(1).unwrap();
        let length = length.lines().next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        lines.read_exact(&mut body).unwrap();
        answer + std::str::from_utf8(&body).unwrap()
    }

    #[test]
    fn connections_that_come_at_once_are_all_served() {
        let folder = std::env::temp_dir().join(format!("xtask-serve-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.txt"), "abc").unwrap();
        let address = start(folder.clone(), "/", 18180).unwrap();
        let host = address.trim_start_matches("http://").trim_end_matches('/');
        for _ in 0..50 {
            thread::scope(|scope| {
                let asked: Vec<_> = (0..12)
                    .map(|_| scope.spawn(|| ask(host, "a.txt")))
                    .collect();
                for answer in asked {
                    let answer = answer.join().unwrap();
                    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
                    assert!(answer.contains("Content-Type: text/plain; charset=utf-8\r\n"));
                    assert!(answer.ends_with("\r\n\r\nabc"), "{answer}");
                }
            });
        }
        assert!(ask(host, "b.txt").starts_with("HTTP/1.1 404"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn only_files_below_the_folder_are_served() {
        let file = |url| file_of(url, "/some/where/").map(|path| path.display().to_string());
        assert_eq!(file("/some/where/"), Some(String::new()));
        assert_eq!(file("/some/where/a%20b.png?x=1"), Some("a b.png".into()));
        assert_eq!(file("/"), None);
        assert_eq!(file("/some/where/../../etc/passwd"), None);
        assert_eq!(file("/some/where/%2e%2e/secret"), None);
        assert_eq!(file("/some/where//etc/passwd"), Some("etc/passwd".into()));
        assert_eq!(file("/some/where/%"), None);
    }

    #[test]
    fn sub_paths_are_brought_into_form() {
        for given in ["some/where", "/some/where", "/some/where/"] {
            assert_eq!(Options::parse(&["--at", given]).unwrap().at, "/some/where/");
        }
        assert_eq!(Options::parse(&["--at", "/"]).unwrap().at, "/");
        assert!(Options::parse(&["--port", "many"]).is_err());
        assert!(Options::parse(&["--port"]).is_err());
    }
}
