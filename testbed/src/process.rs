//! Programs under test: started, listened to, and surely stopped.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Lines of a program that wait to be read; it blocks when nobody reads so many.
const LINES_MAX: usize = 4096;
/// How long a program may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// A child that dies with us, whatever ends us: the kernel sends it SIGKILL (`setpriv
/// --pdeathsig`). Its standard error goes to a file, its standard output is read line by line.
pub struct Program {
    name: String,
    child: Child,
    lines: Receiver<String>,
    log: PathBuf,
}

impl Program {
    /// Starts `program` with `arguments`; what it logs goes to `log`.
    pub fn start(name: &str, program: &Path, arguments: &[&str], log: &Path) -> Result<Self> {
        let errors = File::create(log).with_context(|| format!("{}", log.display()))?;
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(arguments)
            .env("VONG_MODELS", models())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("{name}: {} cannot be started", program.display()))?;
        let output = child
            .stdout
            .take()
            .context("the child has no standard output")?;
        let (sender, lines) = sync_channel(LINES_MAX);
        std::thread::Builder::new()
            .name(format!("{name}-output"))
            .spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    // Nobody listens any more; go on reading, so that the child never blocks on us.
                    sender.try_send(line).ok();
                }
            })?;
        Ok(Self {
            name: name.to_owned(),
            child,
            lines,
            log: log.to_owned(),
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to the program's standard input.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        let stdin = self
            .child
            .stdin
            .as_mut()
            .context("standard input is closed")?;
        writeln!(stdin, "{line}").with_context(|| format!("{} does not listen", self.name))
    }

    /// The next line of output that `wanted` accepts.
    pub fn wait_for_line(
        &mut self,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if wanted(&line) => return Ok(line),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    bail!(
                        "{} was not ready after {limit:?}{}",
                        self.name,
                        self.last_words()
                    )
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!(
                        "{} ended before it was ready{}",
                        self.name,
                        self.last_words()
                    )
                }
            }
        }
    }

    /// `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The end of the program's log, to be appended to an error.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.split_at(lines.len().saturating_sub(5)).1;
        if tail.is_empty() {
            String::new()
        } else {
            format!(":\n{}", tail.join("\n"))
        }
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.ok_or_else(|| anyhow!("no process id"))?, signal)
            .with_context(|| format!("{} cannot be signalled", self.name))
    }

    /// SIGTERM, a grace, then SIGKILL.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.ended() {
            return Ok(status);
        }
        self.signal(Signal::TERM)?;
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child.kill()?;
        self.child.wait()?;
        bail!(
            "{} did not end within {GRACE:?} of SIGTERM and was killed",
            self.name
        )
    }

    /// SIGKILL, now.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A program of ours: beside the running one, or above it for tests.
pub fn program(name: &str) -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let mut folders = here.ancestors().skip(1).take(2);
    folders
        .find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()))
        .with_context(|| format!("{name} is not built: run cargo build --workspace"))
}

/// A program of ours that ends by itself, ready for its arguments.
pub fn command(name: &str) -> Result<Command> {
    let mut command = Command::new(program(name)?);
    command.env("VONG_MODELS", models());
    Ok(command)
}

/// The manifests of this checkout, wherever the programs were built.
fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

/// User and system CPU time of a process and its resident memory, from `/proc`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub cpu_seconds: f64,
    pub resident_bytes: u64,
}

pub fn usage(process: u32) -> Result<Usage> {
    // proc(5): after the name in parentheses, field 3 is the state; 14 and 15 are the CPU ticks,
    // 24 the resident pages. Linux reports ticks of 1/100 s on every architecture we run on.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat
        .rsplit_once(')')
        .context("unexpected format of /proc/PID/stat")?;
    let number = |index: usize| -> Result<u64> {
        let field = fields
            .split_whitespace()
            .nth(index - 3)
            .context("short /proc/PID/stat")?;
        Ok(field.parse()?)
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "ticks of years are far below 2^52"
    )]
    let cpu_seconds = (number(14)? + number(15)?) as f64 / 100.0;
    let page_bytes = rustix::param::page_size() as u64;
    Ok(Usage {
        cpu_seconds,
        resident_bytes: number(24)? * page_bytes,
    })
}
