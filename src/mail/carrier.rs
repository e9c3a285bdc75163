//! What takes a message away: an SMTP server, or the system's sendmail.

use std::{
    error::Error as _,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    transport::smtp::{
        self, PoolConfig,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
    },
};
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};

use super::{Error, SmtpOptions, Transport};

/// How long one step of a conversation may take.
const STEP: Duration = Duration::from_secs(30);
/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long taking leave may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// Longest word that a log shows of what others say.
const LONGEST_WORD: usize = 60;

/// What takes messages away.
#[derive(Clone, Debug)]
pub(super) enum Carrier {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Sendmail(PathBuf),
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// For the log: it holds nothing of the message.
    pub(super) reason: String,
    /// Whether trying again is no use.
    pub(super) is_final: bool,
}

impl Carrier {
    /// What carries by such a transport; none if it is not there.
    pub(super) fn new(transport: &Transport) -> Result<Option<Self>, Error> {
        match transport {
            Transport::Smtp(options) => server(options).map(Self::Smtp).map(Some),
            Transport::Sendmail(program) => Ok(is_there(program).then(|| Self::Sendmail(program.clone()))),
        }
    }

    /// Has a message taken away.
    pub(super) async fn carry(&self, message: &Message) -> Result<(), Failure> {
        let carried = async {
            match self {
                Self::Smtp(server) => {
                    server.send_raw(message.envelope(), &message.formatted()).await.map(drop).map_err(refused)
                }
                Self::Sendmail(program) => hand_over(program, message).await,
            }
        };
        timeout(PATIENCE, carried).await.unwrap_or_else(|_| Err(Failure::passing("it takes too long")))
    }

    /// Whether it would take messages, as far as that can be seen.
    pub(super) async fn verify(&self) -> Result<(), Failure> {
        match self {
            Self::Smtp(server) => match timeout(PATIENCE, server.test_connection()).await {
                Ok(Ok(true)) => Ok(()),
                Ok(Ok(false)) => Err(Failure::passing("it does not answer")),
                Ok(Err(error)) => Err(refused(error)),
                Err(_) => Err(Failure::passing("it takes too long")),
            },
            Self::Sendmail(_) => Ok(()),
        }
    }

    /// Lets go of connections; a server that does not say goodbye is left.
    pub(super) async fn close(&self) {
        match self {
            Self::Smtp(server) => drop(timeout(GOODBYE, server.shutdown()).await),
            Self::Sendmail(_) => {}
        }
    }
}

impl Failure {
    fn passing(reason: impl AsRef<str>) -> Self {
        Self { reason: discreet(reason.as_ref()), is_final: false }
    }
}

/// A program by its path must be there; one by its name is looked for when it is
/// needed.
fn is_there(program: &Path) -> bool {
    program.components().count() < 2 || program.is_file()
}

fn server(options: &SmtpOptions) -> Result<AsyncSmtpTransport<Tokio1Executor>, Error> {
    let (tls, port) = match (options.secure, options.ignore_tls, &options.user) {
        (true, _, _) => (Tls::Wrapper(parameters(options)?), smtp::SUBMISSIONS_PORT),
        (false, true, _) => (Tls::None, smtp::SUBMISSION_PORT),
        // A password is for the server alone.
        (false, false, Some(_)) => (Tls::Required(parameters(options)?), smtp::SUBMISSION_PORT),
        (false, false, None) => (Tls::Opportunistic(parameters(options)?), smtp::SUBMISSION_PORT),
    };
    let kept = match options.pool {
        true => PoolConfig::new(),
        false => PoolConfig::new().max_size(0),
    };
    let mut server = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&options.host)
        .port(options.port.unwrap_or(port))
        .tls(tls)
        .timeout(Some(STEP))
        .pool_config(kept);
    if let Some(name) = &options.name {
        server = server.hello_name(ClientId::Domain(name.clone()));
    }
    if let Some(user) = &options.user {
        server = server.credentials(Credentials::new(user.clone(), options.password.clone().unwrap_or_default()));
    }
    Ok(server.build())
}

fn parameters(options: &SmtpOptions) -> Result<TlsParameters, Error> {
    let name = options.servername.as_ref().unwrap_or(&options.host);
    let mut parameters =
        TlsParameters::builder(name.clone()).dangerous_accept_invalid_certs(!options.reject_unauthorized);
    if let Some(text) = &options.certificates {
        // What holds none would be taken, and trust nobody further.
        if !text.contains("-----BEGIN CERTIFICATE-----") {
            return Err(Error::Certificates);
        }
        let certificate = Certificate::from_pem(text.as_bytes()).map_err(|_| Error::Certificates)?;
        parameters = parameters.add_root_certificate(certificate);
    }
    parameters.build().map_err(Error::Tls)
}

fn refused(error: smtp::Error) -> Failure {
    let mut reason = error.to_string();
    // What lies below may already be part of it.
    let mut source = error.source();
    while let Some(below) = source {
        let text = below.to_string();
        if !reason.contains(&text) {
            reason.push_str(&format!(": {text}"));
        }
        source = below.source();
    }
    if reason.contains("STARTTLS is not supported") {
        reason.push_str("; EMAIL_SMTP_IGNORE_TLS=true sends the password without it");
    }
    Failure { reason: discreet(&reason), is_final: error.is_permanent() }
}

/// Gives a message to a program that sends it.
async fn hand_over(program: &Path, message: &Message) -> Result<(), Failure> {
    let failed = |what: &str, error: &io::Error| Failure::passing(format!("{} {what}: {error}", program.display()));
    let envelope = message.envelope();
    let mut command = Command::new(program);
    command.arg("-i");
    if let Some(from) = envelope.from() {
        command.arg("-f").arg(from);
    }
    command.arg("--").args(envelope.to());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed("cannot be started", &error))?;
    let mut input = child.stdin.take().expect("it was asked for above");
    let written = input.write_all(&with_line_feeds(&message.formatted())).await;
    drop(input);
    let output = child.wait_with_output().await.map_err(|error| failed("was lost", &error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().next().unwrap_or_default();
        return Err(Failure::passing(format!("{} ended with {}: {said}", program.display(), output.status)));
    }
    written.map_err(|error| failed("did not read", &error))
}

/// Programs of this machine end their lines as it does.
fn with_line_feeds(message: &[u8]) -> Vec<u8> {
    let is_kept = |at: usize| message[at] != b'\r' || message.get(at + 1) != Some(&b'\n');
    (0..message.len()).filter(|at| is_kept(*at)).map(|at| message[at]).collect()
}

/// What somebody else said, on one line and without what may be an address, a link
/// or a token.
fn discreet(said: &str) -> String {
    let is_private = |word: &str| {
        word.contains('@') || word.contains("://") || word.contains("token=") || word.chars().count() > LONGEST_WORD
    };
    let words = said.split_whitespace().map(|word| if is_private(word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_shows_nothing_of_a_message() {
        let token = "a".repeat(61);
        let said = format!("550 5.7.1\n<bob@x.example>: https://a.example/?token=x is (token=x) bad {token}");
        assert_eq!(discreet(&said), "550 5.7.1 … … is … bad …");
    }

    #[test]
    fn lines_end_as_on_this_machine() {
        assert_eq!(with_line_feeds(b"a\r\n\r\nb\rc\n"), b"a\n\nb\rc\n");
        assert_eq!(with_line_feeds(b""), b"");
    }

    #[test]
    fn a_program_by_its_path_must_be_there() {
        let carrier = |path: &str| Carrier::new(&Transport::Sendmail(path.into())).unwrap().is_some();
        assert!(!carrier("/no/such/sendmail"));
        assert!(carrier("/bin/sh"));
        assert!(carrier("sendmail"));
    }

    #[tokio::test]
    async fn certificates_must_be_some() {
        for text in ["nonsense", "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n"] {
            let options = SmtpOptions { certificates: Some(text.to_owned()), ..SmtpOptions::default() };
            assert!(matches!(server(&options), Err(Error::Certificates)), "{text}");
        }
    }
}
