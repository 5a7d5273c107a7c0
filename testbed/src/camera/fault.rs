//! What can be wrong with a camera, and how a person or a test asks for it.

use std::str::FromStr;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// Clients are thrown out and new ones find nothing.
    Cut,
    /// The connection stays, frames stop.
    Stall,
    /// The same picture again and again.
    Freeze,
    /// Frames go on, black.
    Black,
}

/// A line on the camera's standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `cut`, `stall`, `freeze`, `black`, or `resume` to end them.
    Fault(Fault),
    /// `resolution 640x480`
    Resolution { width: u32, height: u32 },
    /// `password USER PASSWORD`, or `password` alone to ask for none.
    Credentials(Option<(String, String)>),
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown camera command {0:?}: use cut, stall, freeze, black, resume, resolution WxH or \
     password [USER PASSWORD]"
)]
pub struct ParseCommandError(String);

impl FromStr for Command {
    type Err = ParseCommandError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let unknown = || ParseCommandError(line.to_owned());
        Ok(match words.as_slice() {
            ["resume"] => Self::Fault(Fault::None),
            ["cut"] => Self::Fault(Fault::Cut),
            ["stall"] => Self::Fault(Fault::Stall),
            ["freeze"] => Self::Fault(Fault::Freeze),
            ["black"] => Self::Fault(Fault::Black),
            ["password"] => Self::Credentials(None),
            ["password", user, password] => {
                Self::Credentials(Some(((*user).to_owned(), (*password).to_owned())))
            }
            ["resolution", size] => {
                let (width, height) = size.split_once('x').ok_or_else(unknown)?;
                let side = |text: &str| text.parse().ok().filter(|side| (16..=8192).contains(side));
                Self::Resolution {
                    width: side(width).ok_or_else(unknown)?,
                    height: side(height).ok_or_else(unknown)?,
                }
            }
            _ => return Err(unknown()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_and_nonsense_is_refused() {
        assert_eq!("cut".parse(), Ok(Command::Fault(Fault::Cut)));
        assert_eq!(" resume ".parse(), Ok(Command::Fault(Fault::None)));
        let resolution = Command::Resolution {
            width: 640,
            height: 480,
        };
        assert_eq!("resolution 640x480".parse(), Ok(resolution));
        assert_eq!("password".parse(), Ok(Command::Credentials(None)));
        for nonsense in [
            "",
            "explode",
            "resolution 640",
            "resolution 0x480",
            "password a",
        ] {
            assert!(nonsense.parse::<Command>().is_err(), "{nonsense:?}");
        }
    }
}
