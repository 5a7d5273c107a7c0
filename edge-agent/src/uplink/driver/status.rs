//! The status as it may go on the wire. What is out of bounds there the centre refuses as a whole,
//! and a box whose statuses are refused is taken for a silent one.

use proto::{
    limits::{
        ANALYSED_PER_SECOND_MAX, CAMERA_PROBLEM_BYTES_MAX, CAMERAS_MAX, CONFIG_PROBLEM_BYTES_MAX,
    },
    v1,
};

/// Problems come from libraries and from what people wrote: of any length, with any characters.
pub(super) fn within_limits(mut status: v1::Status) -> v1::Status {
    status.cameras.truncate(CAMERAS_MAX);
    for camera in &mut status.cameras {
        camera.problem = plain(&camera.problem, CAMERA_PROBLEM_BYTES_MAX);
        let rate = camera.analysed_per_second;
        camera.analysed_per_second = if rate.is_nan() {
            0.0
        } else {
            rate.clamp(0.0, ANALYSED_PER_SECOND_MAX)
        };
    }
    status.config_problem = plain(&status.config_problem, CONFIG_PROBLEM_BYTES_MAX);
    status
}

/// `text` without control characters but line ends, cut to `bytes_max`.
fn plain(text: &str, bytes_max: usize) -> String {
    const CUT: char = '…';
    let room = bytes_max.saturating_sub(CUT.len_utf8());
    let mut out = String::new();
    for character in text.chars() {
        let shown = match character {
            '\n' | '\t' => character,
            other if other.is_control() => ' ',
            other => other,
        };
        if room < out.len() + shown.len_utf8() {
            out.push(CUT);
            break;
        }
        out.push(shown);
    }
    out
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use proto::CheckedStatus;

    use super::*;

    #[test]
    fn whatever_the_problem_the_centre_can_read_the_status() {
        let problem = format!("\u{1b}[31m{}\r\n\0", "đầu ra không đúng ".repeat(400));
        let camera = v1::CameraStatus {
            camera: "gate".to_owned(),
            problem: problem.clone(),
            analysed_per_second: f32::NAN,
            ..v1::CameraStatus::default()
        };
        let status = v1::Status {
            agent: "box".to_owned(),
            epoch: 1,
            cameras: vec![camera],
            config_problem: problem,
            ..v1::Status::default()
        };
        assert!(CheckedStatus::decode(&status.encode_to_vec()).is_err());
        let status = within_limits(status);
        let read = CheckedStatus::decode(&status.encode_to_vec()).unwrap();
        assert!(read.cameras[0].problem.starts_with(" [31mđầu ra"));
        assert!(read.cameras[0].problem.ends_with('…'));
    }

    #[test]
    fn a_short_problem_stays_as_it_is() {
        assert_eq!(
            plain("no picture came for 5 s\n", 500),
            "no picture came for 5 s\n"
        );
    }
}
