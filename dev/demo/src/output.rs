//! Where it is shown: a terminal that is redrawn in place, or plain lines for a file or a pipe.

use std::io::{self, IsTerminal as _, Write as _};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{Command, queue};

use crate::journal::Entry;
use crate::screen::{State, frame};

/// Columns and lines of a terminal that does not tell its size, as the oldest ones had.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// Where it is shown.
#[derive(Debug)]
pub(crate) enum Output {
    /// Redrawn in place; restored on drop.
    Terminal {
        /// Whether to use colours.
        colours: bool,
    },
    /// Line by line, without escape codes.
    Lines,
}

impl Output {
    /// Takes over standard output.
    pub(crate) fn open() -> io::Result<Self> {
        if !io::stdout().is_terminal() {
            return Ok(Output::Lines);
        }
        // Not a setting of ours: what every program of a terminal heeds, see no-color.org.
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let mut out = io::stdout().lock();
        queue!(out, EnterAlternateScreen, Hide)?;
        out.flush()?;
        Ok(Output::Terminal { colours })
    }

    /// Shows an entry of the journal, where that is not the frame's task.
    pub(crate) fn say(&self, entry: &Entry) -> io::Result<()> {
        match self {
            Output::Terminal { .. } => Ok(()),
            Output::Lines => writeln!(io::stdout(), "{}", entry.line()),
        }
    }

    /// Draws a frame of this state in place of the last one.
    pub(crate) fn draw(&self, state: &State<'_>) -> io::Result<()> {
        let Output::Terminal { colours } = self else {
            return Ok(());
        };
        let (width, height) = crossterm::terminal::size().unwrap_or(USUAL_SIZE);
        let state = State { colours: *colours, height: usize::from(height), ..*state };
        let text = frame(&state, usize::from(width));
        // One write, and each line is cleared behind its end rather than before: no moment shows half a frame.
        let mut bytes = Vec::new();
        queue!(bytes, BeginSynchronizedUpdate, MoveTo(0, 0))?;
        for (index, line) in text.lines().enumerate() {
            if index > 0 {
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(line.as_bytes());
            queue!(bytes, Clear(ClearType::UntilNewLine))?;
        }
        queue!(bytes, Clear(ClearType::FromCursorDown), EndSynchronizedUpdate)?;
        let mut out = io::stdout().lock();
        out.write_all(&bytes)?;
        out.flush()
    }

    /// Leaves the terminal as it was, with the last frame of this state above the prompt.
    pub(crate) fn close(self, state: &State<'_>) -> io::Result<()> {
        let Output::Terminal { colours } = self else {
            return Ok(());
        };
        let (width, _) = crossterm::terminal::size().unwrap_or(USUAL_SIZE);
        let state = State { colours, height: usize::MAX, ..*state };
        let text = frame(&state, usize::from(width));
        drop(self);
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        match self {
            Output::Terminal { .. } => restore(),
            Output::Lines => {}
        }
    }
}

/// Leaves the alternate screen and shows the cursor; nothing happens where neither is the case.
fn restore() {
    let mut codes = String::new();
    let written = LeaveAlternateScreen.write_ansi(&mut codes).and_then(|()| Show.write_ansi(&mut codes));
    if written.is_ok() {
        // A terminal that is gone needs no restoring.
        let _gone = io::stdout().write_all(codes.as_bytes()).and_then(|()| io::stdout().flush());
    }
}

/// Leaves the alternate screen, if it is shown, without touching the cursor's place, and shows the cursor: xterm's
/// private modes 1047 and 25. Unlike mode 1049 this does not jump where the last frame of an orderly end was printed.
const RESTORE_IN_PLACE: &[u8] = b"\x1b[?1047l\x1b[?25h";

/// Restores the terminal after a program that was killed before it could.
pub(crate) fn restore_after_a_kill() {
    let mut out = io::stdout();
    if out.is_terminal() {
        // A terminal that is gone needs no restoring.
        let _gone = out.write_all(RESTORE_IN_PLACE).and_then(|()| out.flush());
    }
}
