//! Mail to users, by a server and by sendmail: what it says, to whom it goes, and
//! that nobody waits for it.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Command, sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::{Value as Json, json};
use tempfile::tempdir;
use tidegate::{
    config::Serve,
    gateway::Builder,
    hooks::{Context, Error, Meta, Payload},
    mail::{Options, SmtpOptions, Transport},
};

use crate::support::{
    Gateway, Kind, MailServer, NOTES, PASSWORD, Served, TestDatabase, client, client_builder, output, text, tidegate,
};

/// A gateway that sends by a server on this machine, which has no TLS.
fn by(server: &MailServer) -> impl FnOnce(&mut Serve) + Send + 'static {
    let port = Some(server.port);
    move |serve| {
        let smtp = SmtpOptions {
            host: "127.0.0.1".to_owned(),
            port,
            user: Some("me".to_owned()),
            password: Some("s3cret".to_owned()),
            ignore_tls: true,
            ..SmtpOptions::default()
        };
        serve.mail = Options {
            from: "shop@shop.example".to_owned(),
            transport: Transport::Smtp(smtp),
            first_wait: Duration::from_millis(10),
            ..Options::default()
        };
        serve.auth.accounts.public_url = "https://shop.example/".to_owned();
    }
}

async fn notes(kind: Kind) -> Arc<TestDatabase> {
    Arc::new(TestDatabase::create(kind, NOTES).await)
}

async fn mailing(kind: Kind, server: &MailServer) -> Served {
    Served::over_with(notes(kind).await, by(server)).await
}

/// Asks for something that tells nobody anything.
async fn ask(served: &Served, path: &str, token: Option<&str>, body: Json) {
    let reply = served.rest(Method::POST, path, token, body).await;
    assert_eq!(reply.status, 204, "{path} {:#}", reply.body);
}

async fn ask_for_a_password(served: &Served, email: &str) {
    ask(served, "/auth/password/request", None, json!({ "email": email })).await;
}

#[tokio::test]
async fn a_link_in_a_mail_leads_to_a_new_password() {
    for kind in Kind::ALL {
        let mut server = MailServer::open().await;
        let served = mailing(kind, &server).await;
        ask_for_a_password(&served, "nobody@example.com").await;
        ask_for_a_password(&served, "ADMIN@example.com").await;
        let mail = server.mail().await;
        assert_eq!((mail.from.as_str(), &mail.to[..]), ("shop@shop.example", &["admin@example.com".to_owned()][..]));
        assert_eq!(mail.login, Some(("me".to_owned(), "s3cret".to_owned())));
        assert_eq!(mail.header("To"), "admin@example.com");
        assert!(mail.header("From").ends_with("<shop@shop.example>"), "{}", mail.data);
        let (link, token) = mail.link();
        assert!(link.starts_with("https://shop.example/admin/reset-password?token="), "{link}");
        assert!(mail.part("text/html").contains(&format!("href=\"{link}\"")), "{}", mail.data);
        ask(&served, "/auth/password/reset", None, json!({ "token": token, "password": "a new one" })).await;
        served.log_in("admin@example.com", "a new one").await;
        served.app.stop().await;
        assert!(server.is_empty(), "{kind:?}: nobody else is written to");
    }
}

#[tokio::test]
async fn invitations_and_registrations_are_mailed() {
    let mut server = MailServer::open().await;
    let served = mailing(Kind::Sqlite, &server).await;
    let admin = served.admin().await;
    let role = served.system(&admin, "{ roles { id } }").await["roles"][0]["id"].clone();
    let invitation = json!({ "email": "guest@example.com", "role": role });
    ask(&served, "/users/invite", Some(&admin.access), invitation).await;
    let mail = server.mail().await;
    assert_eq!(mail.to, ["guest@example.com"]);
    let (link, token) = mail.link();
    assert!(link.starts_with("https://shop.example/admin/accept-invite?token="), "{link}");
    ask(&served, "/users/invite/accept", None, json!({ "token": token, "password": PASSWORD })).await;
    served.log_in("guest@example.com", PASSWORD).await;

    served.system(&admin, "mutation { update_settings(data: { public_registration: true }) { id } }").await;
    // Whoever is known is not written to, and nobody but the one who registers.
    for email in ["guest@example.com", "a@x.example,b@x.example", "new@example.com"] {
        ask(&served, "/users/register", None, json!({ "email": email, "password": PASSWORD })).await;
    }
    let mail = server.mail().await;
    assert_eq!(mail.to, ["new@example.com"]);
    let path = mail.link().0.replace("https://shop.example", "");
    let client = client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    assert_eq!(client.get(served.app.url(&path)).send().await.unwrap().status(), 302, "{path}");
    served.log_in("new@example.com", PASSWORD).await;
    served.app.stop().await;
    assert!(server.is_empty());
}

#[tokio::test]
async fn a_projects_name_is_text_and_no_html() {
    let mut server = MailServer::open().await;
    let served = mailing(Kind::Sqlite, &server).await;
    let admin = served.admin().await;
    let named = r#"mutation { update_settings(data: { project_name: "Fish & <b>Chips</b>" }) { id } }"#;
    served.system(&admin, named).await;
    ask_for_a_password(&served, "admin@example.com").await;
    let mail = server.mail().await;
    assert_eq!(mail.header("Subject"), "A new password for Fish & <b>Chips</b>");
    assert!(mail.part("text/plain").contains("at Fish & <b>Chips</b>."), "{}", mail.data);
    let html = mail.part("text/html");
    assert!(html.contains("at Fish &amp; &lt;b&gt;Chips&lt;/b&gt;.") && !html.contains("<b>"), "{html}");
    assert_eq!(mail.header("From"), "=?utf-8?b?RmlzaCAmIDxiPkNoaXBzPC9iPg==?= <shop@shop.example>");
}

#[tokio::test]
async fn a_mail_that_is_refused_for_the_moment_is_tried_again() {
    let mut server = MailServer::after_refusals(2).await;
    let served = mailing(Kind::Sqlite, &server).await;
    ask_for_a_password(&served, "admin@example.com").await;
    assert_eq!(server.mail().await.to, ["admin@example.com"]);
    assert_eq!(server.refusals_left(), 0);
}

#[tokio::test]
async fn nobody_waits_for_a_server_that_does_not_answer() {
    let mut server = MailServer::silent().await;
    let own = by(&server);
    let change = move |serve: &mut Serve| {
        own(serve);
        serve.mail.verify = false;
        serve.server.shutdown_timeout = Duration::from_millis(10);
    };
    let served = Served::over_with(notes(Kind::Sqlite).await, change).await;
    // It comes back, although the server never says a word.
    ask_for_a_password(&served, "admin@example.com").await;
    assert_eq!(server.command().await, "COME");
    assert!(server.commands().is_empty(), "the gateway still waits for the server");
    served.app.stop().await;
}

#[tokio::test]
async fn a_password_is_not_shown_to_a_server_without_tls() {
    let mut server = MailServer::open().await;
    let own = by(&server);
    let change = move |serve: &mut Serve| {
        own(serve);
        let Transport::Smtp(smtp) = &mut serve.mail.transport else { panic!("it is a server") };
        smtp.ignore_tls = false;
        serve.mail.attempts = 1;
    };
    let served = Served::over_with(notes(Kind::Sqlite).await, change).await;
    ask_for_a_password(&served, "admin@example.com").await;
    served.app.stop().await;
    let said = server.commands();
    assert!(said.iter().any(|line| line.starts_with("EHLO")), "{said:?}");
    assert!(said.iter().all(|line| !line.starts_with("AUTH") && !line.starts_with("MAIL")), "{said:?}");
}

#[tokio::test]
async fn hooks_change_mails_and_send_them_themselves() {
    let mut server = MailServer::open().await;
    let (seen, mut mails) = tokio::sync::mpsc::unbounded_channel();
    let own = by(&server);
    let hook = move |mut mail: Payload, meta: Meta, _: Context| {
        let told = seen.send((meta.event().to_owned(), mail.data().clone())).map_err(Error::unexpected);
        match mail.get_str("to").unwrap_or_default() {
            "own@example.com" => mail.replace(false),
            "never@example.com" => return std::future::ready(Err(Error::forbidden())),
            _ => {
                mail.set("html", "<p>Come in</p>");
                mail.set("subject", "Well");
                mail.set("from", json!({ "name": "Ann", "address": "ann@shop.example" }));
            }
        }
        std::future::ready(told.map(|()| mail))
    };
    let hooked = move |builder: Builder| builder.configure(own).filter("email.send", hook);
    let served = Served::over_as(notes(Kind::Sqlite).await, hooked).await;
    let admin = served.admin().await;
    let role = served.system(&admin, "{ roles { id } }").await["roles"][0]["id"].clone();
    for email in ["own@example.com", "never@example.com", "guest@example.com"] {
        let invitation = json!({ "email": email, "role": role });
        ask(&served, "/users/invite", Some(&admin.access), invitation).await;
        let (event, options) = mails.recv().await.expect("the hook runs");
        let url = options["template"]["data"]["url"].clone();
        let expected = json!({
            "to": email,
            "subject": "You are invited to Tidegate",
            "template": { "name": "user-invitation", "data": { "url": url, "email": email } },
        });
        assert_eq!((event.as_str(), options), ("email.send", expected));
    }
    let mail = server.mail().await;
    assert_eq!((mail.from.as_str(), &mail.to[..]), ("ann@shop.example", &["guest@example.com".to_owned()][..]));
    assert_eq!((mail.header("Subject"), mail.header("From")), ("Well".into(), "Ann <ann@shop.example>".into()));
    assert_eq!(mail.part("text/html").trim(), "<p>Come in</p>");
    mail.link();
    served.app.stop().await;
    assert!(server.is_empty());
}

#[tokio::test]
async fn sendmail_takes_mail_and_is_waited_for_at_the_end() {
    let folder = tempdir().unwrap();
    let (program, taken) = (folder.path().join("sendmail"), folder.path().join("taken"));
    std::fs::write(&program, format!("#!/bin/sh\nexec > '{}'\necho \"$@\"\ncat\n", taken.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let change = move |serve: &mut Serve| serve.mail.transport = Transport::Sendmail(program);
    let served = Served::over_with(notes(Kind::Sqlite).await, change).await;
    ask_for_a_password(&served, "admin@example.com").await;
    served.app.stop().await;
    let taken = std::fs::read_to_string(taken).expect("a mail was taken");
    let (arguments, mail) = taken.split_once('\n').unwrap();
    assert_eq!(arguments, "-i -f no-reply@example.com -- admin@example.com");
    assert!(mail.contains("\nTo: admin@example.com\n") && mail.contains("reset-password?token"), "{mail}");
    assert!(!mail.contains('\r'), "{mail}");
}

/// The command over a database, with an administrator and further variables.
fn serving(data: &TestDatabase, folder: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = tidegate(folder, &["serve", "--database-url", &data.url]);
    command.env("ADMIN_EMAIL", "admin@example.com").env("ADMIN_PASSWORD", PASSWORD).env("HASH_MEMORY_COST", "64");
    command.envs(variables.iter().copied());
    command
}

/// What is sent to the command, by REST; its status.
async fn post(base: &str, path: &str, body: Json) -> u16 {
    client().post(format!("{base}{path}")).json(&body).send().await.expect("it answers").status().as_u16()
}

/// Whom mails go to and what links hold stands in no log.
fn tells_nothing(log: &str) {
    for private in ["token=", "eyJ", "admin@example.com", "s3cret"] {
        assert!(!log.contains(private), "{private}\n{log}");
    }
}

// Waiting for the command's end keeps a thread, and the mail server needs another.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_alone_mails_a_link_to_a_new_password() {
    let folder = tempdir().unwrap();
    let mut server = MailServer::open().await;
    let port = server.port.to_string();
    let variables = [
        ("EMAIL_TRANSPORT", "smtp"),
        ("EMAIL_SMTP_HOST", "127.0.0.1"),
        ("EMAIL_SMTP_PORT", &port),
        ("EMAIL_SMTP_USER", "me"),
        ("EMAIL_SMTP_PASSWORD", "s3cret"),
        ("EMAIL_SMTP_IGNORE_TLS", "true"),
        ("EMAIL_SMTP_NAME", "gateway.example"),
        ("EMAIL_SMTP_POOL", "true"),
        ("EMAIL_FROM", "Shop <shop@shop.example>"),
        ("PUBLIC_URL", "https://shop.example"),
    ];
    let data = notes(Kind::Sqlite).await;
    let gateway = Gateway::start(serving(&data, folder.path(), &variables));
    let address = json!({ "email": "admin@example.com" });
    assert_eq!(post(&gateway.base, "/auth/password/request", address).await, 204);
    let mail = server.mail().await;
    assert_eq!(mail.header("From"), "Shop <shop@shop.example>");
    assert_eq!(mail.login, Some(("me".to_owned(), "s3cret".to_owned())));
    assert!(server.commands().contains(&"EHLO gateway.example".to_owned()));
    let reset = json!({ "token": mail.link().1, "password": "a new one" });
    assert_eq!(post(&gateway.base, "/auth/password/reset", reset).await, 204);
    let credentials = json!({ "email": "admin@example.com", "password": "a new one" });
    assert_eq!(post(&gateway.base, "/auth/login", credentials).await, 200);
    let log = text(&gateway.stop("TERM").stderr);
    assert!(log.contains("a mail was sent"), "{log}");
    tells_nothing(&log);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_in_the_log_and_the_link_is_not() {
    let folder = tempdir().unwrap();
    // Nobody listens there any more.
    let port = MailServer::open().await.port.to_string();
    let variables = [("EMAIL_TRANSPORT", "smtp"), ("EMAIL_SMTP_HOST", "127.0.0.1"), ("EMAIL_SMTP_PORT", port.as_str())];
    let data = notes(Kind::Sqlite).await;
    let gateway = Gateway::start(serving(&data, folder.path(), &variables));
    let address = json!({ "email": "admin@example.com" });
    assert_eq!(post(&gateway.base, "/auth/password/request", address).await, 204);
    // What waits for another attempt has its last one at the end.
    let log = text(&gateway.stop("TERM").stderr);
    assert!(log.contains("a mail was not sent") && log.contains("password-reset"), "{log}");
    assert!(log.contains("PUBLIC_URL"), "{log}");
    tells_nothing(&log);
}

#[tokio::test]
async fn where_nothing_sends_mail_the_log_says_so() {
    let folder = tempdir().unwrap();
    let data = notes(Kind::Sqlite).await;
    let gateway = Gateway::start(serving(&data, folder.path(), &[("EMAIL_SENDMAIL_PATH", "/no/such/program")]));
    for _ in 0..2 {
        let address = json!({ "email": "admin@example.com" });
        assert_eq!(post(&gateway.base, "/auth/password/request", address).await, 204);
    }
    let log = text(&gateway.stop("TERM").stderr);
    let count = |what: &str| log.matches(what).count();
    assert_eq!((count("no mail can be sent"), count("there is nothing that sends mail")), (1, 2), "{log}");
    tells_nothing(&log);
}

#[tokio::test]
async fn what_cannot_send_mail_is_said_at_the_start() {
    let folder = tempdir().unwrap();
    let data = notes(Kind::Sqlite).await;
    for (variables, said) in [
        (&[("EMAIL_TRANSPORT", "pigeon")][..], "[possible values: sendmail, smtp]"),
        (&[("EMAIL_FROM", "nobody")], "EMAIL_FROM: `nobody` is no e-mail address"),
        (&[("EMAIL_TRANSPORT", "smtp"), ("EMAIL_SMTP_TLS_CA", "no/such/file")], "EMAIL_SMTP_TLS_CA: no/such/file"),
    ] {
        let ended = output(serving(&data, folder.path(), variables));
        assert!(!ended.status.success(), "{variables:?}");
        let errors = text(&ended.stderr);
        assert!(errors.contains(said), "{errors}");
    }
}
