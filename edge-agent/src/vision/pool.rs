//! A fair pool: who waits longest is served next, so that no camera starves another.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Things that are lent out one at a time.
pub(super) struct Pool<T> {
    line: Mutex<Line<T>>,
    moved: Condvar,
}

/// A line as at a counter: everybody draws a number.
struct Line<T> {
    free: Vec<T>,
    next_number: u64,
    serving: u64,
}

/// Gives the thing back when its user is done, or panics.
struct Loan<'a, T> {
    pool: &'a Pool<T>,
    thing: Option<T>,
}

impl<T> Pool<T> {
    /// `things` must not be empty: nobody would ever be served.
    pub(super) fn new(things: Vec<T>) -> Self {
        let line = Line {
            free: things,
            next_number: 0,
            serving: 0,
        };
        Self {
            line: Mutex::new(line),
            moved: Condvar::new(),
        }
    }

    /// Waits for a turn and lends a thing to `work`.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let mut loan = self.borrow();
        work(
            loan.thing
                .as_mut()
                .expect("it is there until the loan is dropped"),
        )
    }

    fn borrow(&self) -> Loan<'_, T> {
        let mut line = self.lock();
        let number = line.next_number;
        line.next_number += 1;
        loop {
            if line.serving == number
                && let Some(thing) = line.free.pop()
            {
                line.serving += 1;
                self.moved.notify_all();
                return Loan {
                    pool: self,
                    thing: Some(thing),
                };
            }
            line = self
                .moved
                .wait(line)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// No user code runs under the lock, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, Line<T>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Loan<'_, T> {
    fn drop(&mut self) {
        if let Some(thing) = self.thing.take() {
            self.pool.lock().free.push(thing);
            self.pool.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{panic::AssertUnwindSafe, thread, time::Duration};

    #[test]
    fn no_more_are_lent_than_there_are_and_all_come_back() {
        let pool = Pool::new(vec![0_u32, 0]);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..500).for_each(|_| pool.with(|count| *count += 1)));
            }
        });
        let line = pool.line.into_inner().unwrap();
        assert_eq!((line.free.len(), line.free.iter().sum::<u32>()), (2, 4000));
    }

    #[test]
    fn a_panic_gives_the_thing_back() {
        let pool = Pool::new(vec![7]);
        let user = AssertUnwindSafe(|| pool.with(|_| panic!("as planned")));
        assert!(std::panic::catch_unwind(user).is_err());
        assert_eq!(pool.with(|thing| *thing), 7);
    }

    #[test]
    fn the_one_in_a_hurry_does_not_get_ahead() {
        let pool = Pool::new(vec![Vec::new()]);
        thread::scope(|scope| {
            pool.with(|_| {
                for name in ["first", "second", "third"] {
                    scope.spawn(|| pool.with(|served: &mut Vec<&str>| served.push(name)));
                    thread::sleep(Duration::from_millis(30));
                }
            });
            // Asks again at once, while three are waiting.
            pool.with(|served| served.push("again"));
        });
        pool.with(|served| assert_eq!(*served, ["first", "second", "third", "again"]));
    }
}
