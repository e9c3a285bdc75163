//! A blog on SQLite whose hooks fill fields in, keep an audit and statistics,
//! clean up by night and look after its health.
//!
//! ```sh
//! ADMIN_TOKEN=my-token cargo run --example embed -- blog.db
//! ```
#![expect(clippy::print_stdout, reason = "it tells where it serves")]

mod text;

use anyhow::Context as _;
use serde_json::json;
use tidegate::{
    Gateway,
    hooks::{Context, Error, Meta, Payload},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "blog.db".to_owned());
    let schema = include_str!("schema.sql");
    rusqlite::Connection::open(&path)?.execute_batch(schema).with_context(|| format!("{path} cannot be prepared"))?;
    let settings = tidegate::config::environment();
    let night = settings.get("CLEAN_UP_AT").unwrap_or("0 3 * * *");
    let often = settings.get("CHECK_HEALTH_AT").unwrap_or("*/5 * * * *");
    let gateway = Gateway::builder()
        .database(format!("sqlite:{path}"))
        .init("app.before", check_settings)
        .filter("posts.items.create", describe)
        .filter("posts.items.update", describe_again)
        .filter("subscribers.items.create", check_email)
        .filter("subscribers.items.update", check_email)
        .action("items.create", audit)
        .action("items.update", audit)
        .action("items.delete", audit)
        .action("posts.items.create", count)
        .action("posts.items.update", count)
        .action("posts.items.delete", count)
        .action("server.start", async |meta: Meta, _| {
            println!("Serving http://{}/", meta.get("server").and_then(|server| server.as_str()).unwrap_or("?"));
            Ok(())
        })
        .schedule(night, clean_up)
        .schedule(often, check_health)
        .build()
        .await?;
    tidegate::telemetry::start(&gateway.options().gateway.log)?;
    gateway.serve().await
}

/// Before anything is served: a blog without an administrator cannot be written.
async fn check_settings(_: Meta, context: Context) -> Result<(), Error> {
    if context.env().get("ADMIN_TOKEN").is_none() {
        context.logger().warn("ADMIN_TOKEN is not set: nobody can write");
    }
    Ok(())
}

/// Gives a new post what follows from its text.
async fn describe(mut post: Payload, _: Meta, context: Context) -> Result<Payload, Error> {
    let title = post.get_str("title").ok_or_else(|| Error::invalid_payload("a post has a title"))?.trim().to_owned();
    let slug = free_slug(&text::slug(&title), &context).await?;
    post.set("title", title);
    post.set("slug", slug);
    measure(&mut post);
    Ok(post)
}

/// The first of `slug`, `slug-2`, `slug-3` … that no post has. Within the
/// transaction, so that posts of the same mutation count.
async fn free_slug(slug: &str, context: &Context) -> Result<String, Error> {
    if slug.is_empty() {
        return Err(Error::failed_validation("title", "letters"));
    }
    let query = json!({ "filter": { "slug": { "_starts_with": slug } }, "fields": ["slug"], "limit": -1 });
    let taken = context.items_with_full_rights("posts").read_by_query(query).await?;
    let is_free = |candidate: &String| taken.iter().all(|post| post["slug"] != **candidate);
    let numbered = (2..).map(|number| format!("{slug}-{number}"));
    Ok(std::iter::once(slug.to_owned()).chain(numbered).find(is_free).unwrap_or_default())
}

/// Notes who changed a post, and measures its text again if that is new.
async fn describe_again(mut post: Payload, _: Meta, context: Context) -> Result<Payload, Error> {
    if post.has("body") {
        measure(&mut post);
    }
    post.set("modified_at", now());
    post.set("modified_by", who(&context));
    Ok(post)
}

/// Refuses a subscriber who cannot be written to.
async fn check_email(subscriber: Payload, _: Meta, _: Context) -> Result<Payload, Error> {
    match subscriber.get_str("email") {
        Some(email) if !text::is_email(email) => Err(Error::invalid_payload(format!("{email:?} is no e-mail address"))),
        _ => Ok(subscriber),
    }
}

fn measure(post: &mut Payload) {
    let body = post.get_str("body").unwrap_or_default().to_owned();
    let words = text::word_count(&body);
    post.set("word_count", words);
    post.set("reading_minutes", text::reading_minutes(words));
    post.set("excerpt", text::excerpt(&body, 120));
}

#[expect(clippy::disallowed_methods, reason = "a program of its own looks at the clock itself")]
fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn who(context: &Context) -> &'static str {
    match context.principal() {
        None => "the system",
        Some(principal) if principal.admin => "an administrator",
        Some(_) => "a visitor",
    }
}

/// The end of an event's name.
fn verb(meta: &Meta) -> &str {
    meta.event().rsplit('.').next().unwrap_or_default()
}

/// Writes down who did what. It runs after the commit: what it fails to do is
/// logged, and undoes nothing.
async fn audit(meta: Meta, context: Context) -> Result<(), Error> {
    if meta.collection() == "activity" {
        return Ok(());
    }
    let action = verb(&meta);
    let entry = |item: &serde_json::Value| {
        let item = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
        json!({ "action": action, "collection": meta.collection(), "item": item, "done_by": who(&context) })
    };
    let entries: Vec<_> = meta.key().into_iter().chain(meta.keys()).map(entry).collect();
    // Nobody needs to hear of it, the audit least of all.
    context.items_with_full_rights("activity").without_events().create_many(entries).await?;
    Ok(())
}

/// Counts what happens to posts. In one statement, because others count too.
async fn count(meta: Meta, context: Context) -> Result<(), Error> {
    let action = verb(&meta);
    let statement = "INSERT INTO statistics (day, collection, action, times) VALUES (date('now'), ?1, ?2, 1)
        ON CONFLICT (day, collection, action) DO UPDATE SET times = times + 1";
    context.database().execute(statement, vec![meta.collection().into(), action.into()]).await?;
    Ok(())
}

/// Removes sessions that have expired.
async fn clean_up(context: Context) -> Result<(), Error> {
    let expired = json!({ "filter": { "expires": { "_lt": "$NOW" } }, "limit": -1 });
    let gone = context.items_with_full_rights("sessions").delete_by_query(expired).await?;
    context.logger().info(format!("{} expired sessions removed", gone.len()));
    Ok(())
}

/// An error of a job is logged, with its name.
async fn check_health(context: Context) -> Result<(), Error> {
    context.database().query("SELECT 1", Vec::new()).await?;
    context.logger().info("healthy");
    Ok(())
}
