//! What the process used, from `/proc` (Linux, proc(5)).

use std::time::{Duration, Instant};

/// `USER_HZ`, the unit of times in `/proc`: 100 on every architecture Linux has.
const TICKS_PER_SECOND: u32 = 100;

pub(super) struct Usage {
    started: Instant,
    cpu_before: Duration,
}

impl Usage {
    pub(super) fn start() -> Self {
        Self {
            started: Instant::now(),
            cpu_before: cpu_total(),
        }
    }

    pub(super) fn wall(&self) -> Duration {
        self.started.elapsed()
    }

    /// User and system time of all threads since the start.
    pub(super) fn cpu(&self) -> Duration {
        cpu_total().saturating_sub(self.cpu_before)
    }
}

fn cpu_total() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The command's name, in parentheses, may hold spaces; what follows does not. utime and stime
    // are fields 14 and 15 of the line, so 12 and 13 after it.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks: u32 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<u32>().ok())
        .sum();
    Duration::from_secs(1) * ticks / TICKS_PER_SECOND
}

/// Largest resident size so far, in MiB.
pub(super) fn rss_peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_time_and_memory() {
        let usage = Usage::start();
        let mut sum = 0_u64;
        while usage.wall() < Duration::from_millis(200) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        assert!(Duration::from_millis(20) <= usage.cpu());
        assert!(1.0 < rss_peak_mib());
    }
}
