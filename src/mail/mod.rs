//! Mail to people (contract `extensions.md` 20): written from templates, or as
//! hooks want it, and carried by an SMTP server or the system's sendmail while
//! nobody waits. It knows nothing of users, links and hooks.

mod carrier;
mod letter;
mod outbox;
mod template;

use std::{fmt, path::PathBuf, time::Duration};

pub use self::{letter::Letter, outbox::Outbox, template::Template};

/// Whether a text is one address that mail can be sent to, and no more.
pub fn is_address(text: &str) -> bool {
    text.parse::<lettre::Address>().is_ok()
}

/// How mail is sent.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whom it comes from (`EMAIL_FROM`).
    pub from: String,
    /// What carries it (`EMAIL_TRANSPORT`).
    pub transport: Transport,
    /// Whether the server is tried at the start (`EMAIL_VERIFY_SETUP`).
    pub verify: bool,
    /// How often a mail is tried; at least once.
    pub attempts: u32,
    /// How long it waits for the second time; for each further one, four times as
    /// long as for the last.
    pub first_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            from: "no-reply@example.com".to_owned(),
            transport: Transport::Sendmail(PathBuf::from("/usr/sbin/sendmail")),
            verify: true,
            attempts: 5,
            first_wait: Duration::from_secs(5),
        }
    }
}

/// What carries mail.
#[derive(Clone, Debug)]
pub enum Transport {
    /// A program that takes it from its standard input.
    Sendmail(PathBuf),
    /// A server.
    Smtp(SmtpOptions),
}

/// A server that takes mail (`EMAIL_SMTP_*`).
#[derive(Clone)]
pub struct SmtpOptions {
    /// Its name.
    pub host: String,
    /// Its port; none is 465 where `secure`, else 587.
    pub port: Option<u16>,
    /// The user to log in as, if any.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// Whether connections are kept for further mails.
    pub pool: bool,
    /// Whether a connection begins with TLS.
    pub secure: bool,
    /// Whether there is no TLS at all.
    pub ignore_tls: bool,
    /// What the gateway calls itself; none is the machine's name.
    pub name: Option<String>,
    /// Whether a certificate must be good.
    pub reject_unauthorized: bool,
    /// The name that the certificate must have; none is `host`.
    pub servername: Option<String>,
    /// Further certificates to trust, in PEM.
    pub certificates: Option<String>,
}

impl Default for SmtpOptions {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: None,
            user: None,
            password: None,
            pool: false,
            secure: false,
            ignore_tls: false,
            name: None,
            reject_unauthorized: true,
            servername: None,
            certificates: None,
        }
    }
}

impl fmt::Debug for SmtpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpOptions").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// Why mail cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing can come from there.
    #[error("EMAIL_FROM: `{0}` is no e-mail address")]
    From(String),
    /// What is to be trusted cannot be read.
    #[error("EMAIL_SMTP_TLS_CA: these are no certificates in PEM")]
    Certificates,
    /// TLS cannot be had so.
    #[error("EMAIL_SMTP_*: TLS cannot be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
}
