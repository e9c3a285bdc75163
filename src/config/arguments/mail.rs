//! How mail is sent: the options, and what becomes of them.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::{ArgAction, Args, ValueEnum, builder::BoolishValueParser};

use crate::mail::{Options, SmtpOptions, Transport};

/// What can carry mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Carrier {
    /// The system's own program.
    Sendmail,
    /// A server.
    Smtp,
}

#[derive(Args)]
#[command(next_help_heading = "Mail")]
pub(super) struct MailArguments {
    /// What carries mail to users: new passwords, invitations, registrations.
    #[arg(long, env = "EMAIL_TRANSPORT", value_enum, default_value = "sendmail", value_name = "TRANSPORT")]
    email_transport: Carrier,
    /// Whom it comes from.
    #[arg(long, env = "EMAIL_FROM", default_value = "no-reply@example.com", value_name = "ADDRESS")]
    email_from: String,
    /// Whether the server is tried at the start; where it does not work, the log says so.
    #[arg(long, env = "EMAIL_VERIFY_SETUP", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    email_verify_setup: bool,
    /// The program of the transport sendmail.
    #[arg(long, env = "EMAIL_SENDMAIL_PATH", default_value = "/usr/sbin/sendmail", value_name = "FILE")]
    email_sendmail_path: PathBuf,
    /// Name of the server of the transport smtp.
    #[arg(long, env = "EMAIL_SMTP_HOST", default_value = "localhost", value_name = "HOST")]
    email_smtp_host: String,
    /// Its port [default: 587, or 465 with --email-smtp-secure true]
    #[arg(long, env = "EMAIL_SMTP_PORT", value_name = "PORT")]
    email_smtp_port: Option<u16>,
    /// The user to log in as.
    #[arg(long, env = "EMAIL_SMTP_USER", value_name = "NAME")]
    email_smtp_user: Option<String>,
    /// The user's password.
    #[arg(long, env = "EMAIL_SMTP_PASSWORD", value_name = "PASSWORD")]
    email_smtp_password: Option<String>,
    /// Whether connections are kept for further mails.
    #[arg(long, env = "EMAIL_SMTP_POOL", default_value = "false", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    email_smtp_pool: bool,
    /// Whether a connection begins with TLS. Without, STARTTLS is used where the server has it, and needed where there
    /// is a user to log in as.
    #[arg(long, env = "EMAIL_SMTP_SECURE", default_value = "false", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    email_smtp_secure: bool,
    /// Whether there is no TLS at all, not even for a password.
    #[arg(long, env = "EMAIL_SMTP_IGNORE_TLS", default_value = "false", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    email_smtp_ignore_tls: bool,
    /// What the gateway calls itself to the server [default: the machine's name]
    #[arg(long, env = "EMAIL_SMTP_NAME", value_name = "NAME")]
    email_smtp_name: Option<String>,
    /// Whether the server's certificate must be good.
    #[arg(long, env = "EMAIL_SMTP_TLS_REJECT_UNAUTHORIZED", default_value = "true", value_name = "BOOL", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    email_smtp_tls_reject_unauthorized: bool,
    /// The name in that certificate [default: the server's name]
    #[arg(long, env = "EMAIL_SMTP_TLS_SERVERNAME", value_name = "NAME")]
    email_smtp_tls_servername: Option<String>,
    /// Further certificates to trust, in PEM: the text, or a file that holds it.
    #[arg(long, env = "EMAIL_SMTP_TLS_CA", value_name = "PEM")]
    email_smtp_tls_ca: Option<String>,
}

impl MailArguments {
    pub(super) fn into_options(self) -> anyhow::Result<Options> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let transport = match self.email_transport {
            Carrier::Sendmail => Transport::Sendmail(self.email_sendmail_path),
            Carrier::Smtp => Transport::Smtp(SmtpOptions {
                host: self.email_smtp_host,
                port: self.email_smtp_port,
                user: given(self.email_smtp_user),
                password: given(self.email_smtp_password),
                pool: self.email_smtp_pool,
                secure: self.email_smtp_secure,
                ignore_tls: self.email_smtp_ignore_tls,
                name: given(self.email_smtp_name),
                reject_unauthorized: self.email_smtp_tls_reject_unauthorized,
                servername: given(self.email_smtp_tls_servername),
                certificates: given(self.email_smtp_tls_ca).map(pem).transpose()?,
            }),
        };
        Ok(Options { from: self.email_from, transport, verify: self.email_verify_setup, ..Options::default() })
    }
}

/// Certificates as they stand, or as they stand in a file.
fn pem(text: String) -> anyhow::Result<String> {
    match text.contains("-----BEGIN") {
        true => Ok(text),
        false => fs::read_to_string(&text).with_context(|| format!("EMAIL_SMTP_TLS_CA: {text} cannot be read")),
    }
}
