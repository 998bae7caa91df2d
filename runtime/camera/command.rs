//! A program that writes JPEG files to its standard output.
//!
//! It and what it starts are a process group of their own, which is ended with the camera: first by SIGTERM, since some cameras
//! (Argus on a Jetson) stay busy when their user is killed.

use std::fs::File;
use std::io::Read;
use std::process::{Child as Process, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::pipe::PipedFrames;
use super::{Address, Camera, CameraError, Frame, Wanted};
use crate::processes::{Farewell, lead_a_group, tell_group, without_secrets};
use crate::threads::spawn;

/// Of what a program says about errors, the last so many bytes are kept.
const TAIL: usize = 600;
/// How many lines of it come into the log, at most.
const LOGGED: usize = 20;
/// How long a program may take to end when it is asked to.
const FAREWELL: Duration = Duration::from_secs(2);

/// A running program, and what it writes.
pub(super) struct Child {
    program: String,
    process: Process,
    frames: PipedFrames,
    /// The last that it said, once its error output is closed.
    said: Receiver<String>,
}

impl Child {
    /// Starts `words[0]` with the others as arguments, without a shell. Users and passwords of addresses among them are kept out of
    /// what is said.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(words: &[String], wanted: &Wanted) -> Result<Self, CameraError> {
        let program = words[0].clone();
        let failed = |source| CameraError::Start { program: program.clone(), source };
        let mut command = Command::new(&program);
        command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        lead_a_group(&mut command);
        without_secrets(&mut command);
        let mut process = command.spawn().map_err(failed)?;
        let (output, errors) = (process.stdout.take().expect("piped"), process.stderr.take().expect("piped"));
        let (sender, said) = channel();
        let listener = Listener {
            program: program.clone(),
            addresses: words.iter().filter_map(|word| Address::new(word)).collect(),
            tail: Vec::new(),
            logged: 0,
        };
        let child =
            Self { program: program.clone(), process, frames: PipedFrames::new(file(output), wanted.max_bytes), said };
        // Without it the program would stand still as soon as the pipe is full.
        spawn("camera errors", move || listener.listen(errors, &sender)).map_err(|error| failed(error.0))?;
        Ok(child)
    }

    /// What became of it.
    fn end(&mut self) -> CameraError {
        let status = self.stop();
        let said = self.said.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
        match status {
            Ok(status) => CameraError::CommandEnded { program: self.program.clone(), status, said },
            Err(source) => CameraError::Start { program: self.program.clone(), source },
        }
    }

    /// Ends it, however long it takes, with all that it started.
    fn stop(&mut self) -> std::io::Result<ExitStatus> {
        let by = Instant::now() + FAREWELL;
        // One that ended by itself keeps its own status.
        let mut status = self.process.try_wait()?;
        tell_group(&self.process, Farewell::End);
        while status.is_none() && Instant::now() < by {
            std::thread::sleep(Duration::from_millis(10));
            status = self.process.try_wait()?;
        }
        tell_group(&self.process, Farewell::Kill);
        status.map_or_else(|| self.process.wait(), Ok)
    }
}

impl Camera for Child {
    fn next(&mut self, patience: Duration) -> Result<Option<Frame>, CameraError> {
        match self.frames.next(patience) {
            Err(CameraError::Ended) => Err(self.end()),
            // Something that it started may hold the pipe open.
            Ok(None) if !matches!(self.process.try_wait(), Ok(None)) => Err(self.end()),
            other => other,
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!("`{}` cannot be ended: {error}", self.program);
        }
    }
}

/// Reads what a program says about errors.
struct Listener {
    program: String,
    addresses: Vec<Address>,
    tail: Vec<u8>,
    logged: usize,
}

impl Listener {
    fn listen(mut self, mut errors: ChildStderr, last: &Sender<String>) {
        let mut piece = [0; 1024];
        let mut line = Vec::new();
        while let Ok(length @ 1..) = errors.read(&mut piece) {
            for &byte in &piece[..length] {
                if byte == b'\n' || line.len() == TAIL {
                    self.log(&std::mem::take(&mut line));
                }
                line.push(byte);
            }
        }
        self.log(&line);
        // Nobody may wait for it.
        let _ = last.send(String::from_utf8_lossy(&self.tail).trim().replace('\n', "; "));
    }

    fn log(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line).trim().to_owned();
        if text.is_empty() {
            return;
        }
        let text = self.addresses.iter().fold(text, |text, address| address.without_login(&text));
        if self.logged < LOGGED {
            tracing::info!("`{}` says: {text}", self.program);
        }
        self.logged += 1;
        self.tail.extend_from_slice(text.as_bytes());
        self.tail.push(b'\n');
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
    }
}

#[cfg(unix)]
fn file(output: std::process::ChildStdout) -> File {
    std::os::fd::OwnedFd::from(output).into()
}

#[cfg(windows)]
fn file(output: std::process::ChildStdout) -> File {
    std::os::windows::io::OwnedHandle::from(output).into()
}
