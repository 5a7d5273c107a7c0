//! A constant-velocity Kalman filter of one coordinate, in true time.
//!
//! The filter of SORT and ByteTrack has block-diagonal matrices: each of its four coordinates is
//! filtered by itself. So it is written here, without matrices: a position, a velocity and the three
//! numbers of their covariance. The process noise is that of a white-noise acceleration (Bar-Shalom,
//! Li, Kirubarajan, *Estimation with Applications to Tracking and Navigation*, 2001, §6.2.2), plus a
//! random walk of the position; both grow with the time that passed, not with frames.

/// Noise of a coordinate; lengths in picture heights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise {
    /// Standard deviation of a measurement.
    pub(super) measurement: f64,
    /// Standard deviation that a second of random walk adds to the position.
    pub(super) walk: f64,
    /// Standard deviation that a second of random acceleration adds to the velocity.
    pub(super) acceleration: f64,
    /// Standard deviation of the velocity of what was never seen before.
    pub(super) velocity: f64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    position: f64,
    /// Per second.
    velocity: f64,
    /// Covariance of (position, velocity).
    pp: f64,
    pv: f64,
    vv: f64,
}

impl Axis {
    pub(super) fn new(position: f64, noise: Noise) -> Self {
        Self {
            position,
            velocity: 0.0,
            pp: noise.measurement * noise.measurement,
            pv: 0.0,
            vv: noise.velocity * noise.velocity,
        }
    }

    pub(super) const fn position(&self) -> f64 {
        self.position
    }

    /// Moves the axis by `dt` seconds.
    pub(super) fn predict(&mut self, dt: f64, noise: Noise) {
        let (walk, push) = (
            noise.walk * noise.walk,
            noise.acceleration * noise.acceleration,
        );
        self.position += self.velocity * dt;
        self.pp += dt * (2.0 * self.pv + dt * self.vv) + walk * dt + push * dt * dt * dt / 3.0;
        self.pv += dt * self.vv + push * dt * dt / 2.0;
        self.vv += push * dt;
    }

    /// Takes in a measured position.
    pub(super) fn update(&mut self, measured: f64, noise: Noise) {
        let spread = self.pp + noise.measurement * noise.measurement;
        let (gain_p, gain_v) = (self.pp / spread, self.pv / spread);
        let off = measured - self.position;
        self.position += gain_p * off;
        self.velocity += gain_v * off;
        self.vv = (self.vv - gain_v * self.pv).max(0.0);
        self.pv *= 1.0 - gain_p;
        self.pp *= 1.0 - gain_p;
    }

    /// Slows down by a share of the velocity.
    pub(super) fn slow(&mut self, keep: f64) {
        self.velocity *= keep;
    }
}
