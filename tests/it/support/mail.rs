//! A mail server that keeps what it gets.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Takes mail on a port of its own, until it is dropped.
pub struct MailServer {
    pub port: u16,
    mails: mpsc::UnboundedReceiver<Mail>,
    commands: mpsc::UnboundedReceiver<String>,
    refusals: Arc<AtomicUsize>,
    running: JoinHandle<()>,
}

/// What came.
#[derive(Debug)]
pub struct Mail {
    /// The user and password that were given before.
    pub login: Option<(String, String)>,
    /// The sender and the recipients of the envelope.
    pub from: String,
    pub to: Vec<String>,
    /// Everything that was sent, its lines joined by line feeds.
    pub data: String,
}

struct Desk {
    mails: mpsc::UnboundedSender<Mail>,
    commands: mpsc::UnboundedSender<String>,
    refusals: Arc<AtomicUsize>,
    answers: bool,
}

impl MailServer {
    /// Takes everything, after it has refused so many mails for the moment.
    pub async fn after_refusals(count: usize) -> Self {
        Self::start(count, true).await
    }

    pub async fn open() -> Self {
        Self::start(0, true).await
    }

    /// Takes connections and says nothing.
    pub async fn silent() -> Self {
        Self::start(0, false).await
    }

    async fn start(refusals: usize, answers: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("the listener has an address").port();
        let (mails, kept) = mpsc::unbounded_channel();
        let (commands, heard) = mpsc::unbounded_channel();
        let refusals = Arc::new(AtomicUsize::new(refusals));
        let desk = Arc::new(Desk { mails, commands, refusals: refusals.clone(), answers });
        let running = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(converse(socket, desk.clone()));
            }
        });
        Self { port, mails: kept, commands: heard, refusals, running }
    }

    /// The next mail.
    pub async fn mail(&mut self) -> Mail {
        timeout(PATIENCE, self.mails.recv()).await.expect("a mail comes").expect("the server runs")
    }

    /// Whether nothing has come that was not looked at.
    pub fn is_empty(&mut self) -> bool {
        self.mails.try_recv().is_err()
    }

    /// How many mails are still to be refused.
    pub fn refusals_left(&self) -> usize {
        self.refusals.load(Ordering::Acquire)
    }

    /// The next thing that was said to it, after `COME` of whoever comes; one who gets
    /// no answer is heard to `GO`.
    pub async fn command(&mut self) -> String {
        timeout(PATIENCE, self.commands.recv()).await.expect("somebody says something").expect("the server runs")
    }

    /// All that was said so far.
    pub fn commands(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.commands.try_recv().ok()).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn converse(socket: TcpStream, desk: Arc<Desk>) {
    let (reader, mut writer) = socket.into_split();
    let mut lines = BufReader::new(reader).lines();
    // Tests end while somebody may be speaking.
    let _ = desk.commands.send("COME".to_owned());
    if !desk.answers {
        let _ = lines.next_line().await;
        let _ = desk.commands.send("GO".to_owned());
        return;
    }
    let mut mail = Mail { login: None, from: String::new(), to: Vec::new(), data: String::new() };
    let mut answer = "220 mail.example ESMTP".to_owned();
    loop {
        if writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let Ok(Some(line)) = lines.next_line().await else { return };
        let _ = desk.commands.send(line.clone());
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let address =
            || line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).expect("an address").0.to_owned();
        answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => "250-mail.example\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "AUTH" => {
                let said =
                    BASE64_STANDARD.decode(rest.split_once(' ').expect("PLAIN and more").1).expect("it is base64");
                let said = String::from_utf8(said).expect("it is text");
                let mut parts = said.split('\0').skip(1).map(str::to_owned);
                mail.login = parts.next().zip(parts.next());
                "235 welcome"
            }
            "MAIL" => {
                let less = |left: usize| left.checked_sub(1);
                match desk.refusals.fetch_update(Ordering::AcqRel, Ordering::Acquire, less) {
                    Ok(_) => "451 4.7.1 come again",
                    Err(_) => {
                        (mail.from, mail.to, mail.data) = (address(), Vec::new(), String::new());
                        "250 yes"
                    }
                }
            }
            "RCPT" => {
                mail.to.push(address());
                "250 yes"
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await.expect("it listens");
                while let Ok(Some(line)) = lines.next_line().await
                    && line != "."
                {
                    mail.data += line.strip_prefix('.').unwrap_or(&line);
                    mail.data.push('\n');
                }
                let Mail { login, from, to, data } = &mut mail;
                let kept = Mail {
                    login: login.clone(),
                    from: from.clone(),
                    to: std::mem::take(to),
                    data: std::mem::take(data),
                };
                let _ = desk.mails.send(kept);
                "250 kept"
            }
            "QUIT" => return,
            "RSET" | "NOOP" => "250 yes",
            _ => "500 what?",
        }
        .to_owned();
    }
}

impl Mail {
    /// What a header says, unfolded.
    pub fn header(&self, name: &str) -> String {
        header(&self.data, name).unwrap_or_else(|| panic!("no {name}:\n{}", self.data))
    }

    /// The part of a media type, decoded.
    pub fn part(&self, media_type: &str) -> String {
        let kind = self.header("Content-Type");
        let boundary =
            kind.split_once("boundary=\"").and_then(|(_, rest)| rest.split_once('"')).expect("it has parts").0;
        let mark = format!("--{boundary}");
        let mut parts = self.data.split(&mark).skip(1).map(str::trim_start);
        let is_it = |part: &&str| header(part, "Content-Type").is_some_and(|kind| kind.starts_with(media_type));
        let part = parts.find(is_it).unwrap_or_else(|| panic!("no {media_type}:\n{}", self.data));
        let body = part.split_once("\n\n").expect("a part has a body").1;
        match header(part, "Content-Transfer-Encoding").as_deref() {
            Some("quoted-printable") => from_quoted(body),
            Some("base64") => {
                let decoded =
                    BASE64_STANDARD.decode(body.split_whitespace().collect::<String>()).expect("it is base64");
                String::from_utf8(decoded).expect("it is text").replace("\r\n", "\n")
            }
            _ => body.to_owned(),
        }
    }

    /// The link in the text, and its token.
    pub fn link(&self) -> (String, String) {
        let text = self.part("text/plain");
        let link = text.lines().find(|line| line.contains("token=")).unwrap_or_else(|| panic!("no link: {text}"));
        let token = link.split_once("token=").expect("it was looked for").1;
        (link.to_owned(), token.to_owned())
    }
}

fn header(text: &str, name: &str) -> Option<String> {
    let head = text.split_once("\n\n").map_or(text, |(head, _)| head).replace("\n ", " ");
    let found = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim));
    found.map(str::to_owned)
}

fn from_quoted(text: &str) -> String {
    let joined = text.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_str();
    while let Some((before, after)) = rest.split_once('=') {
        bytes.extend(before.as_bytes());
        bytes.push(u8::from_str_radix(&after[..2], 16).expect("two digits"));
        rest = &after[2..];
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8(bytes).expect("it is text").replace("\r\n", "\n")
}
