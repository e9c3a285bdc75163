//! The program that embeds the gateway, run as its README says.

use std::{
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use serde_json::{Value as Json, json};
use tempfile::tempdir;

use crate::support::{client, example};

const TOKEN: &str = "t";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Blog {
    child: Child,
    base: String,
    log: Receiver<String>,
}

impl Blog {
    fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(example("embed"));
        command.arg("blog.db").current_dir(folder).env_clear().envs(settings.iter().copied());
        command.envs([("ADMIN_TOKEN", TOKEN), ("PORT", "0")]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be started");
        let output = lines(child.stdout.take().expect("it has an output"));
        let log = lines(child.stderr.take().expect("it has a log"));
        let base = await_line(&output, "Serving ").trim_start_matches("Serving ").to_owned();
        Self { child, base, log }
    }

    async fn ask(&self, query: &str) -> Json {
        let request = client().post(format!("{}graphql", self.base)).bearer_auth(TOKEN);
        let answer = request.json(&json!({ "query": query })).send().await.expect("it answers");
        answer.json().await.expect("in JSON")
    }

    /// Asks it to end, and waits: what its hooks still had to do is done then.
    fn stop(mut self) {
        let status = Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status();
        assert!(status.expect("there is a kill").success());
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Blog {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // Read to the end even if nobody listens: the pipe must not break.
            let _ = sender.send(line);
        }
    });
    receiver
}

fn await_line(lines: &Receiver<String>, part: &str) -> String {
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("nothing says {part:?}"));
        if line.contains(part) {
            return line;
        }
    }
}

#[tokio::test]
async fn the_embedded_blog_does_what_its_hooks_are_for() {
    let folder = tempdir().expect("a folder can be made");
    let blog = Blog::start(folder.path(), &[]);

    let body = "word ".repeat(401);
    let created = blog
        .ask(&format!(
            "mutation {{ create_posts_items(data: [
                {{ title: \" Tides of March! \", body: \"{body}\" }}, {{ title: \"tides of march\", body: \"x\" }}
             ]) {{ id title slug word_count reading_minutes excerpt modified_at }} }}"
        ))
        .await;
    let posts = &created["data"]["create_posts_items"];
    assert_eq!(posts[0]["title"], "Tides of March!", "{created}");
    assert_eq!((&posts[0]["slug"], &posts[1]["slug"]), (&json!("tides-of-march"), &json!("tides-of-march-2")));
    assert_eq!((&posts[0]["word_count"], &posts[0]["reading_minutes"]), (&json!(401), &json!(3)));
    assert_eq!(posts[0]["excerpt"], format!("{}word…", "word ".repeat(23)), "119 letters, not half a word");
    assert_eq!(posts[0]["modified_at"], Json::Null);

    let refused = blog.ask("mutation { create_posts_item(data: { title: \"?\", body: \"x\" }) { id } }").await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FAILED_VALIDATION", "{refused}");
    assert_eq!(refused["errors"][0]["extensions"]["field"], "title");

    for (email, is_one) in
        [("ann@example.org", true), ("ann", false), ("ann@example", false), ("a b@example.org", false)]
    {
        let answer =
            blog.ask(&format!("mutation {{ create_subscribers_item(data: {{ email: \"{email}\" }}) {{ id }} }}")).await;
        let code = if is_one { Json::Null } else { json!("INVALID_PAYLOAD") };
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{answer}");
    }

    let changed = blog
        .ask(
            "mutation { update_posts_item(id: 1, data: { body: \"a b c\" }) { word_count modified_at modified_by }
              delete_posts_item(id: 2) { id } }",
        )
        .await;
    let post = &changed["data"]["update_posts_item"];
    assert_eq!((&post["word_count"], &post["modified_by"]), (&json!(3), &json!("an administrator")), "{changed}");
    assert!(post["modified_at"].is_string(), "{changed}");

    // Ended in good order, so that the audit and the statistics are complete.
    blog.stop();
    let blog = Blog::start(folder.path(), &[]);
    let kept = blog
        .ask(
            "{ activity(sort: [\"id\"]) { action collection item done_by }
                statistics(sort: [\"action\"]) { collection action times } }",
        )
        .await;
    let entry_of = |collection, action, item| json!({ "action": action, "collection": collection, "item": item, "done_by": "an administrator" });
    let entry = |action, item| entry_of("posts", action, item);
    let activity = kept["data"]["activity"].as_array().expect("a list").clone();
    assert_eq!(activity.len(), 5, "{kept}");
    assert!(activity.contains(&entry_of("subscribers", "create", "1")), "{kept}");
    for expected in [entry("create", "1"), entry("create", "2"), entry("update", "1"), entry("delete", "2")] {
        assert!(activity.contains(&expected), "{kept}");
    }
    let times = |action, times| json!({ "collection": "posts", "action": action, "times": times });
    assert_eq!(kept["data"]["statistics"], json!([times("create", 2), times("delete", 1), times("update", 1)]));
}

#[tokio::test]
async fn the_embedded_blog_cleans_up_and_looks_after_its_health() {
    let folder = tempdir().expect("a folder can be made");
    let every_second = "* * * * * *";
    let blog = Blog::start(folder.path(), &[("CLEAN_UP_AT", every_second), ("CHECK_HEALTH_AT", every_second)]);
    blog.ask(
        "mutation { create_sessions_items(data: [
            { token: \"old\", expires: \"2020-01-01T00:00:00Z\" }, { token: \"new\", expires: \"2999-01-01T00:00:00Z\" }
         ]) { token } }",
    )
    .await;
    await_line(&blog.log, "1 expired sessions removed");
    await_line(&blog.log, "healthy");
    let left = blog.ask("{ sessions { token } }").await;
    assert_eq!(left, json!({ "data": { "sessions": [{ "token": "new" }] } }));
}
