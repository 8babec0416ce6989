//! The progress bar: on standard error, where that is a terminal; else nothing.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar of bytes, or none.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Shown where there is somebody to look at it.
    pub(super) fn on_terminal() -> Progress {
        match std::io::stderr().is_terminal() {
            true => Progress(ProgressBar::with_draw_target(
                Some(0),
                ProgressDrawTarget::stderr(),
            )),
            false => Progress::none(),
        }
    }

    /// Never shown.
    pub(super) fn none() -> Progress {
        Progress(ProgressBar::hidden())
    }

    /// `bytes` are to be read; 0 = nobody knows.
    pub(super) fn begin(&self, bytes: u64) {
        let style = match bytes {
            0 => "{spinner} {bytes} {bytes_per_sec} {wide_msg}",
            _ => "{bar:30} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left {wide_msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            self.0.set_style(style);
        }
        self.0.set_length(bytes);
    }

    /// The input in work, by a name that may be shown.
    pub(super) fn input(&self, name: &str) {
        if !self.0.is_hidden() {
            self.0.set_message(name.to_owned());
        }
    }

    /// So many more bytes were read.
    pub(super) fn read(&self, bytes: usize) {
        self.0.inc(bytes as u64);
    }

    /// Runs `write`, which prints lines, with the bar out of the way.
    pub(super) fn aside<R>(&self, write: impl FnOnce() -> R) -> R {
        self.0.suspend(write)
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
