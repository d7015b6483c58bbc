//! Running programs.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::error::{Error, Result};

fn program_of(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn output(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::CannotRun {
            program: program_of(command),
            source,
        })
}

fn both(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}

/// Runs a program for what it prints on stdout.
pub fn stdout(command: &mut Command, what: &str) -> Result<String> {
    let output = output(command)?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Error::from_output(what, &both(&output)))
    }
}

/// Runs a program for its effect; what it prints is kept for the message of a failure.
pub fn quietly(command: &mut Command, what: &str) -> Result<()> {
    stdout(command, what).map(drop)
}

/// As `quietly`, with the output in a file that stays for reading.
pub fn logged(command: &mut Command, what: &str, log: &Path) -> Result<()> {
    let file = File::options()
        .append(true)
        .create(true)
        .open(log)
        .map_err(|e| Error::writing(log, e))?;
    let again = file.try_clone().map_err(|e| Error::writing(log, e))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(again)
        .status()
        .map_err(|source| Error::CannotRun {
            program: program_of(command),
            source,
        })?;
    if status.success() {
        return Ok(());
    }
    let text = std::fs::read(log).map_err(|e| Error::reading(log, e))?;
    Err(Error::from_output(what, &String::from_utf8_lossy(&text)))
}

/// Whether a program that reads `input` ends well.
pub fn accepts(command: &mut Command, input: &str) -> std::io::Result<bool> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(input.as_bytes()) {
            Err(e) if e.kind() != ErrorKind::BrokenPipe => return Err(e),
            _ => {}
        }
    }
    Ok(child.wait()?.success())
}

/// Where the PATH has a program.
pub fn which(program: &str) -> Option<PathBuf> {
    which_all(program).next()
}

/// All places where the PATH has a program, in its order.
pub fn which_all(program: &str) -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let files: Vec<PathBuf> = std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .collect();
    files.into_iter().filter(|file| file.is_file())
}
