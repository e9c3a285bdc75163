//! The `tidegate` command, run as a user runs it.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The command in a folder, with none of the test's own environment.
pub fn tidegate(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.args(arguments).current_dir(folder).env_clear().env("PATH", path).stdin(Stdio::null());
    command
}

/// A program of the examples, which cargo puts beside the tests.
pub fn example(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the tests are a program");
    let program = own.parent().and_then(Path::parent).expect("it is in a folder").join("examples").join(name);
    assert!(program.exists(), "{program:?} is missing: `cargo build --example {name}` makes it");
    program
}

/// Runs a command to its end.
pub fn output(mut command: Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be started");
    let (done, waiting) = mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    waiting.recv_timeout(PATIENCE).expect("it ends in time").expect("its output can be read")
}

/// What was written, as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A gateway in a process of its own, killed when it is dropped.
pub struct Gateway {
    child: Option<Child>,
    /// What it printed at its start.
    pub greeting: String,
    /// Its address, `http://127.0.0.1:port`.
    pub base: String,
}

impl Gateway {
    /// Starts a serving command on a free port, and waits until it serves.
    pub fn start(mut command: Command) -> Self {
        command.args(["--port", "0"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("it has an output")).lines();
        let (done, waiting) = mpsc::channel();
        std::thread::spawn(move || {
            let mut greeting = String::new();
            // The output stays open until the end: it must not break.
            while let Some(Ok(line)) = lines.next() {
                greeting += &line;
                greeting.push('\n');
                if line.starts_with("  curl ") || line.starts_with("  GraphiQL") {
                    let _ = done.send(greeting.clone());
                }
            }
        });
        let Ok(mut greeting) = waiting.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            let mut errors = String::new();
            let _ = child.stderr.take().expect("it has errors").read_to_string(&mut errors);
            panic!("it does not serve: {errors}");
        };
        let base = greeting.lines().find_map(|line| line.strip_prefix("  GraphiQL  "));
        let base = base.expect("it tells its address").trim_end_matches('/').to_owned();
        if command.get_args().any(|argument| argument == "demo") {
            greeting = waiting.recv_timeout(PATIENCE).expect("the demo prints a line to paste");
        }
        Self { child: Some(child), greeting, base }
    }

    /// Sends a signal, as `TERM` or `INT`, and waits for the end.
    pub fn stop(mut self, signal: &str) -> Output {
        let child = self.child.take().expect("it runs");
        let status = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
        assert!(status.expect("there is a kill").success());
        let (done, waiting) = mpsc::channel();
        std::thread::spawn(move || done.send(child.wait_with_output()));
        waiting.recv_timeout(PATIENCE).expect("it ends in time").expect("its output can be read")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
