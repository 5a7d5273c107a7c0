//! Wall-clock time, as it is kept and shown.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Microseconds since the Unix epoch, UTC. In JSON: RFC 3339 with six decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// What the machine's clock says.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }

    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The midnight at or before, in Vietnam: UTC+7, without daylight saving time since 1975.
    pub const fn start_of_day(self) -> Self {
        const DAY: i64 = 86_400_000_000;
        const AHEAD_OF_UTC: i64 = 7 * 3_600_000_000;
        Self((self.0 + AHEAD_OF_UTC).div_euclid(DAY) * DAY - AHEAD_OF_UTC)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time:.6}"),
            Err(_) => f.write_str("9999-12-30T22:00:00.000000Z"),
        }
    }
}

/// Not a time as RFC 3339 writes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a time as in 2026-01-31T08:00:00Z (RFC 3339)")]
pub struct TimestampError {
    text: String,
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(Self(time.as_microsecond())),
            Err(_) => Err(TimestampError {
                text: text.chars().take(64).collect(),
            }),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(
                utoipa::openapi::KnownFormat::DateTime,
            )))
            .into()
    }
}

impl utoipa::ToSchema for Timestamp {
    fn name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_with_six_decimals_and_read_back() {
        let time = Timestamp::from_micros(1_769_846_400_123_456);
        assert_eq!(time.to_string(), "2026-01-31T08:00:00.123456Z");
        assert_eq!(time.to_string().parse(), Ok(time));
        assert_eq!(
            Timestamp::from_micros(1).to_string(),
            "1970-01-01T00:00:00.000001Z"
        );
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_day_starts_at_midnight_in_vietnam_before_and_after_1970() {
        for (time, start) in [
            ("2026-01-31T16:59:59Z", "2026-01-30T17:00:00.000000Z"),
            ("2026-01-31T17:00:00Z", "2026-01-31T17:00:00.000000Z"),
            ("1969-12-31T23:59:59Z", "1969-12-31T17:00:00.000000Z"),
        ] {
            let time = time.parse::<Timestamp>().unwrap();
            assert_eq!(time.start_of_day().to_string(), start);
        }
    }
}
