//! Words to the person at the terminal.

use std::io::{self, Write};

/// A line on standard output, at once.
pub(crate) fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A line on standard error.
pub(super) fn complain(text: &str) {
    let mut out = io::stderr().lock();
    // Nobody is left to be told where standard error is gone.
    drop(out.write_all(format!("aggregator: {text}\n").as_bytes()));
}

/// A question on standard error; the answer goes on the same line.
pub(super) fn prompt(text: &str) {
    // As above.
    drop(io::stderr().lock().write_all(text.as_bytes()));
}
